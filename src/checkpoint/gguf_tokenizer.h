// The tokenizer in a GGUF file's metadata (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md,
// "Tokenizer").
#pragma once
#include <memory>

#include "checkpoint/gguf.h"
#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

// Whether the metadata have a tokenizer.
bool has_gguf_tokenizer(const GgufMetadata& metadata);

// Errors kBadFile and kUnsupported naming the file and the key (fault B21).
TokenizerSpec read_gguf_tokenizer(const GgufMetadata& metadata);

// Null if there is none.
std::unique_ptr<const Tokenizer> load_gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace ferrum
