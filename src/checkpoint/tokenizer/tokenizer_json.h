// Hugging Face's tokenizer.json (https://huggingface.co/docs/tokenizers: the file is what its classes
// serialise to).
#pragma once
#include <string>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// Errors kBadFile and kUnsupported naming `source` and the field (fault B21).
TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& source);

}  // namespace ferrum
