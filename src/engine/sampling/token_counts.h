// A number for every token of a vocabulary, most of them 0.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "text/token.h"

namespace ferrum {

class TokenCounts {
 public:
  // Resets all numbers to 0, in time linear in those that were not.
  void clear(size_t vocab) {
    for (const TokenId id : counted_) numbers_[static_cast<size_t>(id)] = 0;
    counted_.clear();
    if (numbers_.size() < vocab) numbers_.resize(vocab);
  }
  void add(TokenId id) { raise(id, numbers_[static_cast<size_t>(id)] + 1); }
  // Raises the number to `number` unless it is larger already.
  void raise(TokenId id, int number) {
    int& mine = numbers_[static_cast<size_t>(id)];
    if (mine == 0 && number > 0) counted_.push_back(id);
    if (number > mine) mine = number;
  }
  int operator[](TokenId id) const { return numbers_[static_cast<size_t>(id)]; }
  std::span<const TokenId> counted() const { return counted_; }  // tokens whose number is not 0

 private:
  std::vector<int> numbers_;  // [vocab]
  std::vector<TokenId> counted_;
};

}  // namespace ferrum
