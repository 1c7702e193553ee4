// Blocks whose contents may serve another sequence that begins with the same tokens.
//
// A full block is known by a 128-bit hash of what comes before it and of its tokens; the first by the root of
// its scope: model, adapter and the caller's salt. Whatever the hash says, a block is only found where its
// tokens are the same and the block before it is the very one found before: a collision is a miss, never
// another's contents. Allocates nothing after construction.
//
// A block stands for the layers that see all positions. Layers with a window have pages of their own,
// attached to the block (WindowPages). A prefix counts as cached up to the longest end of which all pages
// within each window are there.
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

// The key that the first block of a sequence follows. Sequences of different scopes never share blocks.
BlockKey root_key(std::string_view model, std::string_view adapter, std::string_view salt);
// The key of the block with these tokens after the block of key `before`.
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
                         std::span<const TokenId>) = ferrum::next_key;  // tests make collisions
  };
  explicit PrefixCache(const Options& options);

  // How far a sequence has come in the cache, block after block from the root.
  struct Place {
    explicit Place(const BlockKey& root) : root(root), key(root) {}
    BlockKey root;
    BlockKey key;        // of the last block
    uint64_t entry = 0;  // of the last block, 0 at the root
  };

  struct Prefix {
    int tokens = 0;
    int in_use = 0;  // blocks of them that a sequence uses
    int blocks = 0;  // cached along `tokens`, also those that lack pages
  };
  // Cached tokens that `tokens` begins with, in whole blocks and always fewer than all of them, since the
  // logits after the last are still to be computed. Changes nothing.
  Prefix probe(const BlockKey& root, std::span<const TokenId> tokens) const;
  // The same for a sequence at `place` that holds `blocks` and `pages`: appends the cached blocks with a
  // reference to each, and to each page that what follows can see; `place` moves on.
  // kIgnored: also blocks that lack pages.
  enum class Windows { kSeen, kIgnored };
  int match(Place& place, std::span<const TokenId> tokens, std::vector<BlockId>& blocks, PageLists& pages,
            Windows windows = Windows::kSeen);
  // Makes a full block, in use, findable after `place`, which moves on, with those of its `pages` that there
  // are. If one with the same contents is there already, the references go over to that one. Returns the
  // block to use from now on, with the pages to use in `pages`.
  BlockId add(Place& place, BlockId block, std::span<const TokenId> tokens, Pages& pages);

  // A block with one reference and no contents, the longest unused contents given up for it if need be;
  // nothing if all are in use.
  std::optional<BlockId> take();
  void share(BlockId id) { pool_.share(id); }
  void release(BlockId id) { pool_.release(id); }
  // Nobody finds the contents of this block any more, nor what follows it.
  void forget(BlockId block);
  // Forgets all contents. Blocks in use stay with their users.
  void clear();

  const BlockPool& pool() const { return pool_; }
  std::span<WindowPages> windows() { return windows_; }
  std::span<const WindowPages> windows() const { return windows_; }
  int block_tokens() const { return options_.block_tokens; }

 private:
  static constexpr int32_t kNone = -1;
  struct Entry {
    BlockKey root;
    BlockKey key;
    uint64_t id = 0;  // never used twice, unlike the block; 0: not in the cache
    uint64_t before = 0;
    int32_t next = kNone;  // with a key of the same slot
  };

  // How many blocks of a prefix can be used, block after block: within each window, all pages must be there.
  class Usable;

  // Calls found(block) for each cached block along `tokens`, moving `place` on.
  template <class Found>
  int walk(Place& place, std::span<const TokenId> tokens, const Found& found) const;
  // The block of key `key` with these tokens that follows `place`.
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
  std::vector<int32_t> slots_;   // [a power of two]: the first entry of each
  uint64_t last_id_ = 0;
};

}  // namespace ferrum
