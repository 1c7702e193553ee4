// The tokens of a vocabulary as they are read inside a JSON string, between two characters: those that stay
// in it, and those that end it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/token_trie.h"

namespace ferrum::grammar {

// Immutable but for masks that are made when they are first used; may be used by many threads.
class StringTokens {
 public:
  // A token that ends the string.
  struct Closer {
    int32_t token;
    uint32_t characters;  // of the string
    uint32_t tail;        // of what follows the quote; kNoTail: nothing
  };
  static constexpr uint32_t kNoTail = UINT32_MAX;
  static constexpr uint32_t kNoLimit = UINT32_MAX;

  // `texts[i]` is the text of token i, or empty.
  explicit StringTokens(std::span<const std::string_view> texts);

  // Those that stay in the string and need at most `characters` of it: whole ones, and one that is begun.
  std::span<const uint32_t> inside(uint32_t characters) const;
  // What a token that stays in the string needs of it, as above.
  uint32_t characters_of(int32_t token) const { return characters_[static_cast<size_t>(token)]; }
  // Without a tail first, then by tail.
  std::span<const Closer> closers() const { return closers_; }
  // What follows the quote, each text once: its number stands for the token.
  const TokenTrie& tails() const { return *tails_; }
  size_t tail_count() const { return facts_.size(); }
  // What may be in a tail.
  struct TailFacts {
    bool is_separator = true;  // only commas, colons and white space
    bool is_closing = true;    // … and brackets that close
    uint32_t quotes = 0;
  };
  const TailFacts& facts(uint32_t tail) const { return facts_[tail]; }
  uint32_t most_characters() const { return static_cast<uint32_t>(masks_.size() - 1); }

 private:
  struct Inside {
    int32_t token;
    uint32_t characters;
  };
  std::vector<uint32_t> make_mask(uint32_t characters) const;

  size_t words_;
  std::vector<Inside> inside_;        // fewest characters first
  std::vector<uint16_t> characters_;  // by token; 0 for those that do not stay inside
  std::vector<Closer> closers_;
  std::vector<TailFacts> facts_;
  std::unique_ptr<const TokenTrie> tails_;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<uint32_t>> masks_;  // by characters; the last one is of all
};

}  // namespace ferrum::grammar
