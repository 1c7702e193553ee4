// The blocks of one sequence, in order of position, from the first token on.
#pragma once
#include <span>
#include <vector>

#include "cache/prefix_cache.h"

namespace ferrum {

// Contents to be copied before the next step, in the order given.
struct BlockCopy {
  BlockId from;
  BlockId to;
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
  int match(std::span<const TokenId> tokens);
  // How many of the blocks that match() would take are in use by others, so cost nothing.
  int blocks_in_use(std::span<const TokenId> tokens) const;

  // Makes room for writing positions from `begin` up to `end`: new blocks, and copies of shared ones that are
  // written to. Nothing changes, and the answer is no, where the cache has too few blocks left.
  bool reserve(int begin, int end, std::vector<BlockCopy>& copies);
  // What reserve() would take.
  int blocks_needed(int begin, int end) const;

  // Tells that the contents of tokens[… computed] are there: blocks full by now can be found by others.
  void fill(std::span<const TokenId> tokens, int computed);

  // Gives back the blocks past `tokens` positions; what was filled stays.
  void shrink(int tokens);
  // What was computed is no good: nobody shall find it. To be released next.
  void forget();
  // Gives everything back, the last block first, so that of what stays cached the beginning stays longest.
  void release();
  // A sequence with the same past, sharing every block.
  BlockTable fork() const;

  std::span<const BlockId> blocks() const { return blocks_; }

 private:
  PrefixCache* cache_;
  std::vector<BlockId> blocks_;
  PrefixCache::Place place_;  // after the filled blocks
  int filled_ = 0;            // blocks: full, and added to the cache
};

}  // namespace ferrum
