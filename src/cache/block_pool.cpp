#include "cache/block_pool.h"

#include "base/check.h"

namespace ferrum {

BlockPool::BlockPool(int blocks)
    : blocks_(static_cast<size_t>(blocks)), links_(static_cast<size_t>(blocks) + 2), free_(blocks) {
  check(blocks > 0, "a pool has blocks");
  for (const size_t anchor : {free_anchor(), idle_anchor()}) links_[anchor] = {anchor, anchor};
  for (size_t i = 0; i < blocks_.size(); ++i) put_before(free_anchor(), i);
}

std::optional<BlockPool::Taken> BlockPool::take() {
  if (available() == 0) return std::nullopt;
  const bool was_idle = free_ == 0;
  const size_t i = links_[was_idle ? idle_anchor() : free_anchor()].after;
  Block& block = blocks_[i];
  unlink(i);
  count_unused(block, -1);
  block = {.references = 1, .kept = false};
  return Taken{static_cast<BlockId>(i), was_idle};
}

void BlockPool::share(BlockId id) {
  Block& block = blocks_[index_of(id)];
  check(block.references > 0 || block.kept, "a shared block holds something");
  if (block.references == 0) {
    unlink(index_of(id));
    count_unused(block, -1);
  }
  ++block.references;
}

void BlockPool::release(BlockId id) {
  Block& block = blocks_[index_of(id)];
  check(block.references > 0, "a released block is in use");
  if (--block.references == 0) put_aside(index_of(id));
}

void BlockPool::keep(BlockId id) {
  check(references(id) > 0, "a block is kept by who uses it");
  blocks_[index_of(id)].kept = true;
}

void BlockPool::drop(BlockId id) {
  Block& block = blocks_[index_of(id)];
  if (!block.kept) return;
  if (block.references > 0) {
    block.kept = false;
    return;
  }
  unlink(index_of(id));
  count_unused(block, -1);
  block.kept = false;
  put_aside(index_of(id));
}

void BlockPool::put_aside(size_t block) {
  // Free blocks are taken last in, first out: their memory is the most likely to be in the CPU's cache.
  put_before(blocks_[block].kept ? idle_anchor() : links_[free_anchor()].after, block);
  count_unused(blocks_[block], 1);
}

void BlockPool::put_before(size_t at, size_t block) {
  const size_t before = links_[at].before;
  links_[block] = {before, at};
  links_[before].after = block;
  links_[at].before = block;
}

void BlockPool::unlink(size_t block) {
  links_[links_[block].before].after = links_[block].after;
  links_[links_[block].after].before = links_[block].before;
}

}  // namespace ferrum
