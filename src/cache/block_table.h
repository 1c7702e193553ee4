// The blocks of one sequence, in order of position, from the first token on, and the pages of each window,
// which are given back once they are behind it.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "cache/prefix_cache.h"

namespace ferrum {

// Contents to be copied before the next step, in the order given.
struct BlockCopy {
  BlockId from;
  BlockId to;
  int group = 0;  // 0: the blocks; w + 1: the pages of window w
};

class BlockTable {
 public:
  // The cache outlives the table, which gives its references back when it goes.
  BlockTable(PrefixCache& cache, const BlockKey& root);
  ~BlockTable() { release(); }
  BlockTable(BlockTable&& other) noexcept;
  BlockTable& operator=(BlockTable&&) = delete;

  // It will grow to so many positions: up to there it allocates nothing.
  void expect(int tokens);

  // Takes the cached blocks that follow those filled so far, of which the table must consist, and that
  // `tokens` goes on with; returns how many tokens the table holds then.
  int match(std::span<const TokenId> tokens, PrefixCache::Windows windows = PrefixCache::Windows::kSeen);
  // How many of the blocks that match() would take are in use by others, so cost nothing.
  int blocks_in_use(std::span<const TokenId> tokens) const;

  // Makes room for writing positions from `begin` up to `end`: new blocks with their pages, and copies of
  // shared ones that are written to. Nothing changes, and the answer is no, where the cache has too few
  // blocks or pages left.
  bool reserve(int begin, int end, std::vector<BlockCopy>& copies);
  // The blocks that reserve() would take.
  int blocks_needed(int begin, int end) const;

  // Tells that the contents of tokens[… computed] are there: blocks full by now can be found by others.
  void fill(std::span<const TokenId> tokens, int computed);

  // Gives back the page of a block that lacks its contents.
  void drop_page(size_t window, int block);

  // Gives back the blocks past `tokens` positions; what was filled stays.
  void shrink(int tokens);
  // What was computed is no good: nobody shall find it. To be released next.
  void forget();
  // Gives everything back, the last block first, so that of what stays cached the beginning stays longest.
  void release();
  // A sequence with the same past, sharing every block.
  BlockTable fork() const;

  std::span<const BlockId> blocks() const { return blocks_; }
  // The pages of each window: [blocks], kNoBlock for those that are not held.
  std::span<const std::vector<BlockId>> pages() const {
    return std::span(pages_).first(cache_->windows().size());
  }

 private:
  // How many blocks of `list` writing from `begin` up to `end` takes from `pool`.
  int needed(const std::vector<BlockId>& list, const BlockPool& pool, int begin, int end) const;
  template <class Pool>
  void take(std::vector<BlockId>& list, Pool& pool, int begin, int end, int group,
            std::vector<BlockCopy>& copies);
  // Gives back the blocks from this one on, the last first.
  void drop_from(int block);
  // Gives back the pages that are behind their windows.
  void slide();

  PrefixCache* cache_;
  std::vector<BlockId> blocks_;
  PrefixCache::PageLists pages_;
  std::array<int, PrefixCache::kMaxWindows> behind_{};  // blocks whose pages were given back
  PrefixCache::Place place_;                            // after the filled blocks
  int filled_ = 0;                                      // blocks: full, and added to the cache
};

}  // namespace ferrum
