// The sampling options that a model's authors recommend.
#pragma once
#include "checkpoint/checkpoint.h"
#include "ferrum/types.h"

namespace ferrum {

// The engine's defaults, overridden by the recommendation in the model's files. The result always passes
// validate(): an invalid recommendation is ignored with a warning that names file and field. A top_k of -1
// means off.
SamplingOptions recommended_sampling(const GenerationDefaults& recommended);

}  // namespace ferrum
