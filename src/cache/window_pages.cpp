#include "cache/window_pages.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ferrum {

WindowPages::WindowPages(const Options& options, int blocks, int block_tokens)
    : window_(options.window),
      block_tokens_(block_tokens),
      pool_(options.pages),
      page_of_(static_cast<size_t>(blocks), kNoBlock),
      block_of_(static_cast<size_t>(options.pages), kNoBlock) {
  check(window_ >= 0, "a window has positions");
}

int WindowPages::first_seen(int blocks) const {
  if (is_state()) return std::max(0, blocks - 1);
  return std::max(0, blocks * block_tokens_ - window_ + 1) / block_tokens_;
}

std::optional<BlockId> WindowPages::take() {
  const std::optional<BlockPool::Taken> taken = pool_.take();
  if (!taken) return std::nullopt;
  if (const BlockId block = std::exchange(block_of_[index_of(taken->id)], kNoBlock); block != kNoBlock)
    page_of_[index_of(block)] = kNoBlock;
  return taken->id;
}

void WindowPages::attach(BlockId block, BlockId page) {
  check(of(block) == kNoBlock && block_of_[index_of(page)] == kNoBlock, "a page is attached once");
  page_of_[index_of(block)] = page;
  block_of_[index_of(page)] = block;
  pool_.keep(page);
}

void WindowPages::detach(BlockId block) {
  const BlockId page = std::exchange(page_of_[index_of(block)], kNoBlock);
  if (page == kNoBlock) return;
  block_of_[index_of(page)] = kNoBlock;
  pool_.drop(page);
}

}  // namespace ferrum
