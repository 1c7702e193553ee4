// Reads the rotary position fields of config.json: rope_theta and rope_scaling (transformers 4), or
// rope_parameters (transformers 5).
#pragma once
#include <optional>
#include <string_view>

#include "checkpoint/architecture.h"
#include "checkpoint/json_view.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// rope_parameters, else rope_scaling; nothing where both are absent or null.
std::optional<JsonView> find_rope_fields(const JsonView& config);

// Fills model.rope and model.window_rope (the same where the file has one rotation for all layers), and
// extends model.context where the scaling does. REQUIRES: layers, head_dim and context are set. Where the
// file is silent, `usual` counts: its theta and rotary_share, and its rope where find_rope_fields() gives
// nothing. Errors: kBadConfig naming the field, kUnsupported for a kind of scaling that Ferrum does not run.
void read_hf_rope(const JsonView& config, const HfDefaults& usual, ModelDescription& model);

// "proportional": of the pairs (i, i + half) of a whole head the first `share` rotate, with the frequencies
// of the whole over `factor`.
void rotate_share(RopeDescription& rope, int head_dim, double share, double factor = 1);

}  // namespace ferrum
