// Finds blocks whose contents may serve another sequence that begins with the same tokens.
//
// A full block is identified by a 128-bit hash of its predecessor's key and its tokens; the first by the root
// of its scope: model, adapter and the caller's salt. Apart from the hash, a hit requires equal tokens and
// the very same predecessor, so a collision is a miss and never returns another sequence's contents.
// Allocates nothing after construction.
//
// A block stands for the layers that see all positions. Layers with a window have pages of their own,
// attached to the block (WindowPages), and recurrent layers a state. A prefix counts as cached up to the
// longest end of which all pages within each window are there, and the state behind its last block.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cache/block_pool.h"
#include "cache/window_pages.h"
#include "text/token.h"

namespace ferrum {

struct BlockKey {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const BlockKey&) const = default;
};

// The key before the first block of a sequence. Sequences of different scopes never share blocks.
BlockKey root_key(std::string_view model, std::string_view adapter, std::string_view salt);
// The key of the block with these tokens that follows the block with key `before`.
BlockKey next_key(const BlockKey& before, std::span<const TokenId> tokens);

class PrefixCache {
 public:
  static constexpr size_t kMaxWindows = 3;
  // The pages of a block, one for each window; kNoBlock where there is none.
  using Pages = std::array<BlockId, kMaxWindows>;
  // The pages of a sequence's blocks: [blocks] for each window.
  using PageLists = std::array<std::vector<BlockId>, kMaxWindows>;
  static constexpr Pages kNoPages = {kNoBlock, kNoBlock, kNoBlock};

  enum class Reuse { kOn, kOff };
  struct Options {
    int blocks = 0;
    int block_tokens = 16;
    Reuse reuse = Reuse::kOn;
    std::vector<WindowPages::Options> windows = {};  // at most kMaxWindows
    BlockKey (*next_key)(const BlockKey&,
                         std::span<const TokenId>) = ferrum::next_key;  // tests replace it to make collisions
  };
  explicit PrefixCache(const Options& options);

  // The position of a sequence in the cache, block after block from the root.
  struct Place {
    explicit Place(const BlockKey& root) : root(root), key(root) {}
    BlockKey root;
    BlockKey key;        // of the last block
    uint64_t entry = 0;  // of the last block, 0 at the root
  };

  struct Prefix {
    int tokens = 0;
    int in_use = 0;  // how many of the blocks are in use
    int blocks = 0;  // cached along `tokens`, also those that lack pages
  };
  // Cached tokens at the beginning of `tokens`, in whole blocks and never all of them, since the logits after
  // the last token have to be computed. Changes nothing.
  Prefix probe(const BlockKey& root, std::span<const TokenId> tokens) const;
  // Like probe for a sequence at `place` that holds `blocks` and `pages`: appends the cached blocks, adds a
  // reference to each and to each page that later tokens see, and advances `place`.
  // kIgnored: also blocks that lack pages.
  enum class Windows { kSeen, kIgnored };
  int match(Place& place, std::span<const TokenId> tokens, std::vector<BlockId>& blocks, PageLists& pages,
            Windows windows = Windows::kSeen);
  // Adds a full block, which is in use, with the `pages` that it has after `place`, and advances it. If the
  // cache has a block with the same contents, the references move to that block. Returns the block to use
  // from now on, and in `pages` the pages to use.
  BlockId add(Place& place, BlockId block, std::span<const TokenId> tokens, Pages& pages);

  // Takes a block with one reference and no contents; evicts the longest idle one if none is free. nullopt if
  // all are in use.
  std::optional<BlockId> take();
  void share(BlockId id) { pool_.share(id); }
  void release(BlockId id) { pool_.release(id); }
  // Removes this block and the blocks after it from the index.
  void forget(BlockId block);
  // Removes all blocks from the index. Blocks in use stay with their users.
  void clear();

  const BlockPool& pool() const { return pool_; }
  std::span<WindowPages> windows() { return windows_; }
  std::span<const WindowPages> windows() const { return windows_; }
  // The pages that are states, the last of windows(); null: the model has none.
  WindowPages* states() {
    return windows_.empty() || !windows_.back().is_state() ? nullptr : &windows_.back();
  }
  const WindowPages* states() const { return const_cast<PrefixCache*>(this)->states(); }
  bool reuses() const { return options_.reuse == Reuse::kOn; }
  int block_tokens() const { return options_.block_tokens; }

 private:
  static constexpr int32_t kNone = -1;
  struct Entry {
    BlockKey root;
    BlockKey key;
    uint64_t id = 0;  // never reused, unlike the block's index; 0: not in the cache
    uint64_t before = 0;
    int32_t next = kNone;  // the next entry in the same hash slot
  };

  // How many blocks of a prefix can be used, block after block: within each window, all pages must be there.
  class Usable;

  // Calls found(block) for each cached block along `tokens`, moving `place` on.
  template <class Found>
  int walk(Place& place, std::span<const TokenId> tokens, const Found& found) const;
  // The block with key `key` and these tokens that follows `place`.
  std::optional<BlockId> find(const BlockKey& key, const Place& place, std::span<const TokenId> tokens) const;
  void move_on(Place& place, BlockId block) const;
  void insert(BlockId block);
  void erase(BlockId block);
  int32_t& slot(const BlockKey& key) { return slots_[key.low & (slots_.size() - 1)]; }
  int32_t slot(const BlockKey& key) const { return slots_[key.low & (slots_.size() - 1)]; }
  std::span<const TokenId> tokens_of(size_t block) const;

  Options options_;
  BlockPool pool_;
  std::vector<WindowPages> windows_;
  std::vector<Entry> entries_;   // [blocks]
  std::vector<TokenId> tokens_;  // [blocks, block_tokens]
  std::vector<int32_t> slots_;   // [a power of two]: the first entry of each hash slot
  uint64_t last_id_ = 0;
};

}  // namespace ferrum
