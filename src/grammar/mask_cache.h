// Parts of masks that depend on one lexeme's place alone, kept from one answer to the next.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "grammar/string_tokens.h"

namespace ferrum::grammar {

// The tokens that may follow a place within a lexeme, as far as they stay in it, and those that leave it.
struct LexemeMask {
  struct Exit {
    uint32_t node;  // of the tree of tokens: the quote
    uint32_t state;
  };
  std::vector<uint32_t> inside;  // words; bits of tokens
  std::vector<StringTokens::Closer>
      closers;  // those that end it at `end` or what is like it; without a tail first
  uint32_t end_state = 0, end_count = 0;
  std::vector<Exit> exits;  // where it ends otherwise
};

// Thread-safe. Holds at most a bound in bytes; when it is full, it begins anew.
class MaskCache {
 public:
  // What a place is; numbers without a use are 0.
  using Key = std::array<uint64_t, 7>;

  explicit MaskCache(size_t most_bytes) : most_bytes_(most_bytes) {}

  std::shared_ptr<const LexemeMask> find(const Key& key) const;
  void put(const Key& key, std::shared_ptr<const LexemeMask> mask);
  size_t bytes() const;

 private:
  const size_t most_bytes_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const LexemeMask>> masks_;
  size_t bytes_ = 0;
};

}  // namespace ferrum::grammar
