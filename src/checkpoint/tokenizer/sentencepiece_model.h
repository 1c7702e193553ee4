// tokenizer.model: a SentencePiece ModelProto
// (https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/tokenizer_spec.h"

namespace ferrum {

// Errors kBadFile and kUnsupported naming `source` and the field (fault B21). A text gets BOS where the model
// has one, as in the Llama family, else EOS, as in T5's.
TokenizerSpec read_sentencepiece_model(std::string_view bytes, const std::string& source);

// A piece's type, 1 to 6, which GGUF files number alike; nothing for any other.
std::optional<TokenKind> sentencepiece_kind(uint64_t type);

}  // namespace ferrum
