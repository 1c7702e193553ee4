// Drafts what followed the last tokens where they stood before in the same sequence: for texts that repeat
// their prompt, such as edited code, quotations and summaries. (Prompt lookup decoding: A. Saxena, 2023.)
#pragma once
#include "engine/speculation/drafter.h"

namespace ferrum {

class NgramDrafter final : public Drafter {
 public:
  std::optional<int> kind(Sequence& s) override;
  void draft(std::span<Sequence* const> sequences) override;
};

// Where in a growing text its last tokens stood before.
class NgramIndex final : public DraftMemory {
 public:
  static constexpr int kLeast = 2;    // tokens that must agree
  static constexpr int kMost = 32;    // longer matches add no certainty
  static constexpr int kLooked = 64;  // places at most, the latest first

  struct Match {
    size_t next = 0;  // the position after the earlier place
    int length = 0;   // tokens before it that agree; 0: no match
  };
  // The longest match of the end of `text`, of equal ones the latest. The text begins with what it was in
  // earlier calls. Linear in what is new.
  Match find(std::span<const TokenId> text);

  Match found;  // last

 private:
  void add(std::span<const TokenId> text, size_t end);
  size_t slot(TokenId before_last, TokenId last) const;

  // A place is the position after a pair of tokens. Places of one slot are chained, the latest first.
  std::vector<uint32_t> slots_;   // [a power of two]; 0: none
  std::vector<uint32_t> before_;  // [text]: the place before in the same slot
};

}  // namespace ferrum
