// A number for every token of a vocabulary, nearly all of them 0.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "text/token.h"

namespace ferrum {

class TokenCounts {
 public:
  // All are 0 again. In time linear in those that were not.
  void clear(size_t vocab) {
    for (const TokenId id : counted_) numbers_[static_cast<size_t>(id)] = 0;
    counted_.clear();
    if (numbers_.size() < vocab) numbers_.resize(vocab);
  }
  void add(TokenId id) { raise(id, numbers_[static_cast<size_t>(id)] + 1); }
  // To `number`, if that is more than it was.
  void raise(TokenId id, int number) {
    int& mine = numbers_[static_cast<size_t>(id)];
    if (mine == 0 && number > 0) counted_.push_back(id);
    if (number > mine) mine = number;
  }
  int operator[](TokenId id) const { return numbers_[static_cast<size_t>(id)]; }
  std::span<const TokenId> counted() const { return counted_; }  // whose number is not 0

 private:
  std::vector<int> numbers_;  // [vocab]
  std::vector<TokenId> counted_;
};

}  // namespace ferrum
