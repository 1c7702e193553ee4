// The nouns of this floor.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

using TokenId = int32_t;

enum class TokenKind : uint8_t {
  kNormal,
  kUnknown,      // stands for what the vocabulary cannot spell
  kControl,      // <|im_end|> and the like: structure, never text; recognised in trusted text only
  kUserDefined,  // an added token that is text: recognised wherever it stands
  kUnused,
  kByte,  // <0x0A> of a vocabulary with byte fallback
};

// Where a token stands in a text that is decoded; some decoders treat the first and the last otherwise.
enum class TokenPlace : uint8_t { kInside, kFirst, kLast, kOnly };

// A piece of a prompt. Control tokens are recognised only where every byte of theirs is trusted: what the
// chat template itself wrote is, what a user wrote is not.
struct TextSpan {
  std::string_view text;
  bool trusted = false;
};

}  // namespace ferrum
