// The tokenizer in a GGUF file's metadata (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md,
// "Tokenizer").
#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "checkpoint/gguf/gguf.h"
#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// The token id under `key`; nothing where the key is absent or its number names none of the `vocab` tokens.
// Error kBadFile where the value is no integer.
std::optional<TokenId> find_token_id(const GgufMetadata& metadata, std::string_view key, size_t vocab);
// Warns, naming file and key, where the key is there and find_token_id finds nothing.
void warn_of_bad_token_id(const GgufMetadata& metadata, std::string_view key, size_t vocab);

// Whether the metadata have a tokenizer.
bool has_gguf_tokenizer(const GgufMetadata& metadata);

// Errors kBadFile and kUnsupported naming the file and the key (fault B21).
TokenizerSpec read_gguf_tokenizer(const GgufMetadata& metadata);

// Null if there is none.
std::unique_ptr<const Tokenizer> load_gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace ferrum
