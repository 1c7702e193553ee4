// The sampling options that a model's authors recommend.
#pragma once
#include "checkpoint/checkpoint.h"
#include "ferrum/types.h"

namespace ferrum {

// The engine's defaults, overridden by what the model's files recommend. The result always passes validate():
// a recommendation that does not is ignored with a warning that names file and field. A top_k of -1 means
// off.
SamplingOptions recommended_sampling(const GenerationDefaults& recommended);

}  // namespace ferrum
