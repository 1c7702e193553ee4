// Tokenizers as Hugging Face folders carry them.
//
// tokenizer.json: https://huggingface.co/docs/tokenizers (the format of its serialisation is that of its
// classes)
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// From the text of tokenizer.json. Errors kBadFile and kUnsupported naming `source` and the field (fault
// B21).
TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& source);

// What tokenizer_config.json and special_tokens_map.json add: added tokens, BOS, EOS, padding and whether a
// text gets them.
void apply_tokenizer_config(std::string_view text, const std::string& source, TokenizerSpec& spec);
void apply_special_tokens_map(std::string_view text, const std::string& source, TokenizerSpec& spec);

// From the folder's tokenizer.json and what lies beside it; nothing if it has none.
std::optional<TokenizerSpec> read_hf_tokenizer(const std::filesystem::path& folder);
// The tokenizer made from it; null if there is none.
std::unique_ptr<const Tokenizer> load_hf_tokenizer(const std::filesystem::path& folder);

}  // namespace ferrum
