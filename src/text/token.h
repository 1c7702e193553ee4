// Token ids, kinds and spans: the vocabulary of this floor.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum {

using TokenId = int32_t;

enum class TokenKind : uint8_t {
  kNormal,
  kUnknown,      // stands for text that the vocabulary cannot spell
  kControl,      // <|im_end|> and the like: structure, not text; recognised in trusted text only
  kUserDefined,  // an added token that is text: recognised anywhere
  kUnused,
  kByte,  // <0x0A> in a vocabulary with byte fallback
};

// A token's place in a decoded text; some decoders treat the first and the last token differently.
enum class TokenPlace : uint8_t { kInside, kFirst, kLast, kOnly };

// A piece of a prompt. Control tokens are recognised only where all their bytes are trusted: text that the
// chat template wrote is trusted, text that a user wrote is not.
struct TextSpan {
  std::string_view text;
  bool trusted = false;
};

}  // namespace ferrum
