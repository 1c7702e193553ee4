// The tokenizer of a Hugging Face folder.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// From tokenizer.json, tokenizer.model, tekken.json, Mistral's tokenizer.model.v3, vocab.json with
// merges.txt, or vocab.txt, whichever `folder` has first, and the files beside it; nothing if it has none.
// Errors kBadFile and kUnsupported naming file and field (fault B21).
std::optional<TokenizerSpec> read_hf_tokenizer(const std::filesystem::path& folder);
// From one such file and what lies beside it.
TokenizerSpec read_hf_tokenizer_file(const std::filesystem::path& file);

// The tokenizer made from it; null if there is none.
std::unique_ptr<const Tokenizer> load_hf_tokenizer(const std::filesystem::path& folder);
// The same for a model of `vocab` tokens. Added tokens that it has no row for, as fine-tunes leave them
// behind, are left out with a warning: their spelling is text.
std::unique_ptr<const Tokenizer> load_hf_tokenizer(const std::filesystem::path& folder, int vocab);

}  // namespace ferrum
