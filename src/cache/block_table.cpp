#include "cache/block_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ferrum {

BlockTable::BlockTable(PrefixCache& cache, const BlockKey& root) : cache_(&cache), place_(root) {}

BlockTable::BlockTable(BlockTable&& other) noexcept
    : cache_(other.cache_),
      blocks_(std::exchange(other.blocks_, {})),
      pages_(std::exchange(other.pages_, {})),
      behind_(std::exchange(other.behind_, {})),
      place_(other.place_),
      filled_(std::exchange(other.filled_, 0)),
      state_(std::exchange(other.state_, kNoBlock)),
      state_tokens_(other.state_tokens_),
      next_states_(std::exchange(other.next_states_, {})),
      passing_(other.passing_) {}

void BlockTable::expect(int tokens) {
  const int size = cache_->block_tokens();
  const auto blocks = static_cast<size_t>((tokens + size - 1) / size);
  blocks_.reserve(blocks);
  for (size_t w = 0; w < cache_->windows().size(); ++w) pages_[w].reserve(blocks);
}

int BlockTable::match(std::span<const TokenId> tokens, PrefixCache::Windows windows) {
  check_equal(static_cast<int>(blocks_.size()), filled_, "blocks that are filled when more are looked for");
  const int held = filled_ * cache_->block_tokens();
  const int found =
      cache_->match(place_, tokens.subspan(static_cast<size_t>(held)), blocks_, pages_, windows);
  filled_ = static_cast<int>(blocks_.size());
  slide();
  if (cache_->states() != nullptr && found > 0) {
    const BlockId slot = pages_[state_list()].back();
    release_state();
    if (slot != kNoBlock) {
      cache_->states()->share(slot);
      state_ = slot;
      state_tokens_ = held + found;
    }
  }
  return held + found;
}

int BlockTable::blocks_in_use(std::span<const TokenId> tokens) const {
  check(blocks_.empty(), "a table that has not begun");
  return cache_->probe(place_.root, tokens).in_use;
}

void BlockTable::forget() {
  for (const BlockId block : blocks().first(static_cast<size_t>(filled_))) cache_->forget(block);
}

int BlockTable::needed(const std::vector<BlockId>& list, const BlockPool& pool, int begin, int end) const {
  if (begin >= end) return 0;
  const int size = cache_->block_tokens();
  const int have = static_cast<int>(list.size());
  int count = std::max(0, (end + size - 1) / size - have);
  for (int i = begin / size; i < have && i * size < end; ++i)
    count += pool.references(list[static_cast<size_t>(i)]) > 1;
  return count;
}

int BlockTable::blocks_needed(int begin, int end) const {
  return needed(blocks_, cache_->pool(), begin, end);
}

template <class Pool>
void BlockTable::take(std::vector<BlockId>& list, Pool& pool, int begin, int end, int group,
                      std::vector<BlockCopy>& copies) {
  const int size = cache_->block_tokens();
  const auto have = list.size();
  for (auto i = static_cast<size_t>(begin / size); i < have && static_cast<int>(i) * size < end; ++i) {
    if (pool.pool().references(list[i]) == 1) continue;
    const BlockId own = *pool.take();
    if (static_cast<int>(i) * size < begin) copies.push_back({list[i], own, group});
    pool.release(list[i]);
    list[i] = own;
  }
  while (static_cast<int>(list.size()) * size < end) list.push_back(*pool.take());
}

bool BlockTable::reserve(int begin, int end, std::vector<BlockCopy>& copies) {
  check(begin >= filled_ * cache_->block_tokens(), "what is in the cache is not written to");
  const std::span<WindowPages> windows = cache_->windows();
  if (blocks_needed(begin, end) > cache_->pool().available()) return false;
  for (size_t w = 0; w < windows.size(); ++w)
    if (!windows[w].is_state() &&
        needed(pages_[w], windows[w].pool(), begin, end) > windows[w].pool().available())
      return false;
  take(blocks_, *cache_, begin, end, 0, copies);
  for (size_t w = 0; w < windows.size(); ++w)
    if (windows[w].is_state())
      pages_[w].resize(blocks_.size(), kNoBlock);
    else
      take(pages_[w], windows[w], begin, end, static_cast<int>(w) + 1, copies);
  return true;
}

void BlockTable::fill(std::span<const TokenId> tokens, int computed, State state) {
  const int before = filled_;
  const int size = cache_->block_tokens();
  for (; (filled_ + 1) * size <= computed; ++filled_) {
    const auto at = static_cast<size_t>(filled_);
    PrefixCache::Pages pages = PrefixCache::kNoPages;
    for (size_t w = 0; w < cache_->windows().size(); ++w) pages[w] = pages_[w][at];
    blocks_[at] =
        cache_->add(place_, blocks_[at],
                    tokens.subspan(at * static_cast<size_t>(size), static_cast<size_t>(size)), pages);
    for (size_t w = 0; w < cache_->windows().size(); ++w) pages_[w][at] = pages[w];
  }
  slide();
  if (filled_ > before && filled_ * size == computed) keep_state(state);
}

void BlockTable::keep_state(State state) {
  WindowPages* const states = cache_->states();
  const bool is_there = state_ != kNoBlock && state_tokens_ == filled_ * cache_->block_tokens();
  if (states == nullptr || !is_there || !cache_->reuses()) return;
  const BlockId block = blocks_[static_cast<size_t>(filled_) - 1];
  if (states->of(block) != kNoBlock || !states->is_own(state_)) return;
  states->attach(block, state_);
  if (state == State::kStays) return;
  // One that another sequence uses meanwhile stays.
  if (const BlockId last = std::exchange(passing_, block); last != kNoBlock)
    if (const BlockId slot = states->of(last); slot != kNoBlock && states->pool().references(slot) == 0)
      states->detach(last);
}

StateSlots BlockTable::begin_state(Before before) {
  WindowPages& states = *cache_->states();
  check(next_states_.empty(), "a step is under way once");
  release_state_page();
  if (before == Before::kMayGo && state_ != kNoBlock && states.is_own(state_))
    return {.from = static_cast<int>(state_), .to = static_cast<int>(state_)};
  const std::optional<BlockId> slot = states.take();
  check(slot.has_value(), "there is a slot for the state of each sequence's step");
  next_states_.push_back(*slot);
  return {.from = static_cast<int>(state_), .to = static_cast<int>(*slot)};
}

std::span<const BlockId> BlockTable::begin_draft(int rows, int others) {
  begin_state(Before::kStays);
  WindowPages& states = *cache_->states();
  if (states.pool().available() >= rows - 1 + others)
    while (static_cast<int>(next_states_.size()) < rows) next_states_.push_back(*states.take());
  return next_states_;
}

void BlockTable::end_state(int tokens) {
  if (next_states_.empty()) {  // it was left in its place
    state_tokens_ = tokens;
  } else {
    end_draft(tokens, static_cast<int>(next_states_.size()) - 1);
  }
}

void BlockTable::end_draft(int tokens, int row) {
  state_tokens_ = tokens;
  std::swap(state_, next_states_.at(static_cast<size_t>(row)));
  drop_state();
}

void BlockTable::drop_state() {
  for (const BlockId slot : next_states_)
    if (slot != kNoBlock) cache_->states()->release(slot);
  next_states_.clear();
}

void BlockTable::release_state() {
  drop_state();
  if (const BlockId held = std::exchange(state_, kNoBlock); held != kNoBlock) cache_->states()->release(held);
}

void BlockTable::release_state_page() {
  const size_t list = state_list();
  for (int i = behind_[list]; i < filled_; ++i)
    if (const BlockId page = std::exchange(pages_[list][static_cast<size_t>(i)], kNoBlock); page != kNoBlock)
      cache_->states()->release(page);
}

void BlockTable::drop_page(size_t window, int block) {
  BlockId& page = pages_[window][static_cast<size_t>(block)];
  if (cache_->windows()[window].is_state()) return;
  check(block >= filled_ && page != kNoBlock, "a page of a block that is not filled");
  cache_->windows()[window].release(page);
  page = kNoBlock;
}

// By what is filled, so that a draft that is rolled back finds the pages it needs.
void BlockTable::slide() {
  for (size_t w = 0; w < cache_->windows().size(); ++w) {
    WindowPages& window = cache_->windows()[w];
    for (const int first = window.first_seen(filled_); behind_[w] < first; ++behind_[w]) {
      BlockId& page = pages_[w][static_cast<size_t>(behind_[w])];
      if (page != kNoBlock) window.release(page);
      page = kNoBlock;
    }
  }
}

void BlockTable::shrink(int tokens) {
  const int size = cache_->block_tokens();
  check(tokens >= filled_ * size, "what is in the cache stays");
  drop_from((tokens + size - 1) / size);
}

void BlockTable::release() {
  release_state();
  passing_ = kNoBlock;
  drop_from(0);
  place_ = PrefixCache::Place(place_.root);
  filled_ = 0;
  behind_ = {};
}

void BlockTable::drop_from(int block) {
  while (static_cast<int>(blocks_.size()) > block) {
    cache_->release(blocks_.back());
    blocks_.pop_back();
    for (size_t w = 0; w < cache_->windows().size(); ++w) {
      if (pages_[w].back() != kNoBlock) cache_->windows()[w].release(pages_[w].back());
      pages_[w].pop_back();
    }
  }
}

BlockTable BlockTable::fork() const {
  BlockTable copy(*cache_, place_.root);
  for (const BlockId block : blocks_) cache_->share(block);
  for (size_t w = 0; w < cache_->windows().size(); ++w)
    for (const BlockId page : pages_[w])
      if (page != kNoBlock) cache_->windows()[w].share(page);
  copy.blocks_ = blocks_;
  copy.pages_ = pages_;
  copy.behind_ = behind_;
  copy.place_ = place_;
  copy.filled_ = filled_;
  if (state_ != kNoBlock) cache_->states()->share(state_);
  copy.state_ = state_;
  copy.state_tokens_ = state_tokens_;
  return copy;
}

}  // namespace ferrum
