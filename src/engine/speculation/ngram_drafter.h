// Drafts what followed an earlier occurrence of the last tokens in the same sequence: for texts that repeat
// their prompt, such as edited code, quotations and summaries. (Prompt lookup decoding: A. Saxena, 2023.)
#pragma once
#include "engine/loop/drafter.h"

namespace ferrum {

class NgramDrafter final : public Drafter {
 public:
  std::optional<int> kind(Sequence& s) override;
  void draft(std::span<Sequence* const> sequences) override;
};

// An index of where the last tokens of a growing text occurred before.
class NgramIndex final : public DraftMemory {
 public:
  static constexpr int kLeast = 2;    // minimum number of matching tokens
  static constexpr int kMost = 32;    // longer matches add no confidence
  static constexpr int kLooked = 64;  // maximum number of places to compare, latest first

  struct Match {
    size_t next = 0;  // the position after the earlier occurrence
    int length = 0;   // number of matching tokens before it; 0: no match
  };
  // The longest match of the end of `text`; of equal ones the latest. The text must begin with that of
  // earlier calls. Linear in the new part.
  Match find(std::span<const TokenId> text);

  Match found;  // the last result

 private:
  void add(std::span<const TokenId> text, size_t end);
  size_t slot(TokenId before_last, TokenId last) const;

  // A place is the position after a pair of tokens. Places in the same slot are chained, latest first.
  std::vector<uint32_t> slots_;   // [a power of two]; 0: empty
  std::vector<uint32_t> before_;  // [text]: the previous place in the same slot
};

}  // namespace ferrum
