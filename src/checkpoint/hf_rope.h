// What config.json says about rotary positions: rope_theta and rope_scaling (transformers 4), or
// rope_parameters (5).
#pragma once
#include "checkpoint/json_view.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Reads into model.rope, and stretches model.context where the scaling does. head_dim and context are already
// set. Errors: kBadConfig naming the field, kUnsupported for a kind of scaling that Ferrum does not run.
void read_hf_rope(const JsonView& config, ModelDescription& model);

}  // namespace ferrum
