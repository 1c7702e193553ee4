// Reads the rotary position fields of config.json: rope_theta and rope_scaling (transformers 4), or
// rope_parameters (transformers 5).
#pragma once
#include "checkpoint/json_view.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Fills model.rope, and extends model.context where the scaling does. REQUIRES: head_dim and context are set.
// Errors: kBadConfig naming the field, kUnsupported for a kind of scaling that Ferrum does not run.
void read_hf_rope(const JsonView& config, ModelDescription& model);

}  // namespace ferrum
