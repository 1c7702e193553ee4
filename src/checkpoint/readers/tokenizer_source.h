// Opens the tokenizer of a model without the model.
#pragma once
#include <filesystem>
#include <memory>

#include "text/tokenizer.h"

namespace ferrum {

// `path`: a .gguf file (with or without tensors), a Hugging Face folder, or its tokenizer.json or
// tokenizer.model. Errors: kNotFound where there is none, kBadFile.
std::unique_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path);

}  // namespace ferrum
