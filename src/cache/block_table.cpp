#include "cache/block_table.h"

#include <utility>

#include "base/check.h"

namespace ferrum {

BlockTable::BlockTable(PrefixCache& cache, const BlockKey& root) : cache_(&cache), place_(root) {}

BlockTable::BlockTable(BlockTable&& other) noexcept
    : cache_(other.cache_),
      blocks_(std::exchange(other.blocks_, {})),
      place_(other.place_),
      filled_(std::exchange(other.filled_, 0)) {}

void BlockTable::expect(int tokens) {
  const int size = cache_->block_tokens();
  blocks_.reserve(static_cast<size_t>((tokens + size - 1) / size));
}

int BlockTable::match(std::span<const TokenId> tokens) {
  check_equal(static_cast<int>(blocks_.size()), filled_, "blocks that are filled when more are looked for");
  const int held = filled_ * cache_->block_tokens();
  const int found = cache_->match(place_, tokens.subspan(static_cast<size_t>(held)), blocks_);
  filled_ = static_cast<int>(blocks_.size());
  return held + found;
}

int BlockTable::blocks_in_use(std::span<const TokenId> tokens) const {
  check(blocks_.empty(), "a table that has not begun");
  return cache_->probe(place_.root, tokens).in_use;
}

void BlockTable::forget() {
  for (const BlockId block : blocks().first(static_cast<size_t>(filled_))) cache_->forget(block);
}

int BlockTable::blocks_needed(int begin, int end) const {
  if (begin >= end) return 0;
  const int size = cache_->block_tokens();
  const int have = static_cast<int>(blocks_.size());
  int needed = (end + size - 1) / size - have;
  if (needed < 0) needed = 0;
  for (int i = begin / size; i < have && i * size < end; ++i)
    needed += cache_->pool().references(blocks_[static_cast<size_t>(i)]) > 1;
  return needed;
}

bool BlockTable::reserve(int begin, int end, std::vector<BlockCopy>& copies) {
  const int size = cache_->block_tokens();
  check(begin >= filled_ * size, "what is in the cache is not written to");
  if (blocks_needed(begin, end) > cache_->pool().available()) return false;
  const auto have = blocks_.size();
  for (auto i = static_cast<size_t>(begin / size); i < have && static_cast<int>(i) * size < end; ++i) {
    if (cache_->pool().references(blocks_[i]) == 1) continue;
    const BlockId own = *cache_->take();
    if (static_cast<int>(i) * size < begin) copies.push_back({blocks_[i], own});
    cache_->release(blocks_[i]);
    blocks_[i] = own;
  }
  while (static_cast<int>(blocks_.size()) * size < end) blocks_.push_back(*cache_->take());
  return true;
}

void BlockTable::fill(std::span<const TokenId> tokens, int computed) {
  const int size = cache_->block_tokens();
  for (; (filled_ + 1) * size <= computed; ++filled_) {
    BlockId& block = blocks_[static_cast<size_t>(filled_)];
    block = cache_->add(
        place_, block,
        tokens.subspan(static_cast<size_t>(filled_) * static_cast<size_t>(size), static_cast<size_t>(size)));
  }
}

void BlockTable::shrink(int tokens) {
  const int size = cache_->block_tokens();
  check(tokens >= filled_ * size, "what is in the cache stays");
  while ((static_cast<int>(blocks_.size()) - 1) * size >= tokens && !blocks_.empty()) {
    cache_->release(blocks_.back());
    blocks_.pop_back();
  }
}

void BlockTable::release() {
  while (!blocks_.empty()) {
    cache_->release(blocks_.back());
    blocks_.pop_back();
  }
  place_ = PrefixCache::Place(place_.root);
  filled_ = 0;
}

BlockTable BlockTable::fork() const {
  BlockTable copy(*cache_, place_.root);
  for (const BlockId block : blocks_) cache_->share(block);
  copy.blocks_ = blocks_;
  copy.place_ = place_;
  copy.filled_ = filled_;
  return copy;
}

}  // namespace ferrum
