// What MiniCPM's generations share.
#pragma once
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {

// The factors of embeddings, of what a part adds to the residual, and of the last hidden state: scale_emb,
// scale_depth and dim_model_base. A field that is null leaves that unscaled.
void read_minicpm_factors(HfReader& in);

}  // namespace ferrum
