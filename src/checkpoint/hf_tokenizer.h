// The tokenizer of a Hugging Face folder.
#pragma once
#include <filesystem>
#include <memory>

#include "text/tokenizer.h"

namespace ferrum {

// From tokenizer.json, tokenizer.model, tekken.json or Mistral's tokenizer.model.v3, whichever `folder` has
// first, and what lies beside it; null if it has none. Errors kBadFile and kUnsupported naming file and field
// (fault B21).
std::unique_ptr<const Tokenizer> load_hf_tokenizer(const std::filesystem::path& folder);

// From one such file and what lies beside it.
std::unique_ptr<const Tokenizer> load_hf_tokenizer_file(const std::filesystem::path& file);

}  // namespace ferrum
