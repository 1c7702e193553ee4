// The pages of a group of layers that see only the last `window` positions, or of recurrent layers, which see
// no position but keep a state.
//
// A page holds what these layers keep of a block's tokens, or the state behind them. It is attached to the
// block of the prefix cache whose tokens it belongs to, and may be missing: a sequence gives its pages back
// as soon as they are behind its window, so that a long sequence holds no more pages than a short one. Pages
// that stay attached can serve another sequence until they are evicted.
#pragma once
#include <optional>
#include <vector>

#include "cache/block_pool.h"

namespace ferrum {

class WindowPages {
 public:
  static constexpr int kState = 0;
  struct Options {
    int window = 0;  // positions that a token sees, its own included; kState: a state
    int pages = 0;
  };
  // For a cache of `blocks` blocks of block_tokens tokens.
  WindowPages(const Options& options, int blocks, int block_tokens);

  bool is_state() const { return window_ == kState; }
  // The first block that tokens after `blocks` full ones can still see; of states the last block.
  int first_seen(int blocks) const;

  // A page with one reference, the longest idle one detached for it if need be; nothing if all are in use.
  std::optional<BlockId> take();
  void share(BlockId page) { pool_.share(page); }
  void release(BlockId page) { pool_.release(page); }

  // Whether a page has one holder, who may write to it.
  bool is_own(BlockId page) const {
    return pool_.references(page) == 1 && block_of_[index_of(page)] == kNoBlock;
  }
  // The page of a cached block, or kNoBlock.
  BlockId of(BlockId block) const { return page_of_[index_of(block)]; }
  // REQUIRES: the page is in use, and the block has none.
  void attach(BlockId block, BlockId page);
  // The block is no longer in the cache: its page can no longer be found.
  void detach(BlockId block);

  const BlockPool& pool() const { return pool_; }

 private:
  int window_;
  int block_tokens_;
  BlockPool pool_;
  std::vector<BlockId> page_of_;   // [blocks]
  std::vector<BlockId> block_of_;  // [pages]
};

}  // namespace ferrum
