// The blocks of one sequence, ordered by position from the first token on, and the pages of each window,
// which are released once the window has passed them.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "cache/prefix_cache.h"

namespace ferrum {

// Block contents to copy before the next step, in the given order.
struct BlockCopy {
  BlockId from;
  BlockId to;
  int group = 0;  // 0: the blocks; w + 1: the pages of window w
};

// The slots that a step reads a sequence's state from and leaves it in; from −1: it has none yet.
struct StateSlots {
  int from = -1;
  int to = 0;
};

class BlockTable {
 public:
  // The cache must outlive the table. The destructor drops the table's references.
  BlockTable(PrefixCache& cache, const BlockKey& root);
  ~BlockTable() { release(); }
  BlockTable(BlockTable&& other) noexcept;
  BlockTable& operator=(BlockTable&&) = delete;

  // Reserves memory for this many positions: growing up to there allocates nothing.
  void expect(int tokens);

  // Takes the cached blocks that continue the filled ones with `tokens`; the table must consist of filled
  // blocks. Returns the number of tokens that the table then holds.
  int match(std::span<const TokenId> tokens, PrefixCache::Windows windows = PrefixCache::Windows::kSeen);
  // How many of the blocks that match() would take are in use by other sequences, and so cost nothing.
  int blocks_in_use(std::span<const TokenId> tokens) const;

  // Makes room for writing positions from `begin` up to `end`: takes new blocks with their pages, and copies
  // shared ones that would be written to. Returns false and changes nothing if the cache has too few blocks
  // or pages left.
  bool reserve(int begin, int end, std::vector<BlockCopy>& copies);
  // The number of blocks that reserve() would take.
  int blocks_needed(int begin, int end) const;

  // Records that tokens[… computed] are in the cache: full blocks can now be hit by other sequences. A state
  // that stands behind the last of them is kept with it; kPassing: instead of the one that was kept so
  // before.
  enum class State { kStays, kPassing };
  void fill(std::span<const TokenId> tokens, int computed, State state = State::kPassing);

  // Of a model with recurrent layers: where the next step's state is read and left. kStays: not in one place,
  // so that the sequence can go back. What the cache or others have of it is never written to.
  enum class Before { kMayGo, kStays };
  StateSlots begin_state(Before before);
  // The same for a step with a draft, which keeps the state behind each of its `rows` rows, in order, if that
  // leaves `others` slots free; else the state behind the last alone. Valid until the step is done.
  std::span<const BlockId> begin_draft(int rows, int others);
  // The step is done. Its state, which stands behind `tokens`, becomes the sequence's …
  void end_state(int tokens);
  // … or that behind row `row` of its draft …
  void end_draft(int tokens, int row);
  int state_slot() const { return static_cast<int>(state_); }  // −1: it has none
  bool keeps_draft() const { return next_states_.size() > 1; }
  // … or is dropped where the sequence goes back.
  void drop_state();

  // Gives back the page of a block that lacks its contents.
  void drop_page(size_t window, int block);

  // Drops the blocks past `tokens` positions; filled blocks stay.
  void shrink(int tokens);
  // Removes the contents from the cache's index, since they are not valid. Call release() next.
  void forget();
  // Drops all references, last block first, so that the beginning stays cached longest.
  void release();
  // A sequence with the same history, sharing every block.
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
  void release_state();
  // A state that match() found is held as a page too, for readers of the table. From the next step on the
  // sequence holds it as its state alone: two slots are all that a sequence ever needs.
  void release_state_page();
  // Keeps the state with the last full block.
  void keep_state(State state);
  size_t state_list() const { return cache_->windows().size() - 1; }

  PrefixCache* cache_;
  std::vector<BlockId> blocks_;
  PrefixCache::PageLists pages_;
  std::array<int, PrefixCache::kMaxWindows> behind_{};  // blocks whose pages were given back
  PrefixCache::Place place_;                            // after the filled blocks
  int filled_ = 0;                                      // blocks: full, and added to the cache
  BlockId state_ = kNoBlock;
  int state_tokens_ = 0;              // that it stands behind
  std::vector<BlockId> next_states_;  // of the step under way; of a draft one for each row
  BlockId passing_ = kNoBlock;        // the block with which a state was kept that may go
};

}  // namespace ferrum
