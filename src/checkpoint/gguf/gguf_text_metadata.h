// The metadata that say of a model what becomes of a whole text: an embedding or scores.
//
// Keys: src/llama-arch.cpp of llama.cpp.
#pragma once
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Nothing for a model that only generates text. What GGUF has no key for (check_fits_gguf) is left out.
void set_text_metadata(GgufHeader& header, const ModelDescription& model);

}  // namespace ferrum
