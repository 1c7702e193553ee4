// Whether a GGUF file can say all that a model's description says.
#pragma once
#include <string>

#include "checkpoint/model_description.h"

namespace ferrum {

// Reads back what set_model_metadata() and gguf_tensors() would write of `model`, and compares. GGUF's
// readers fix many switches by the architecture's name (every fourth layer does not rotate, GELU is the tanh
// form): a model with another setting would be converted without an error and then answer wrongly. Error
// kUnsupported naming `source` and the first such switch, and what set_model_metadata() refuses.
void check_fits_gguf(const ModelDescription& model, const std::string& source);

}  // namespace ferrum
