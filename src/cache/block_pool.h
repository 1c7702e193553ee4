// The reference counts of the KV cache's blocks. Host bookkeeping: no device, no contents.
//
// A block is free (no reference, no contents), used (one reference or more) or idle (no reference, but its
// contents may be hit again).
// When no block is free, the block that has been idle longest is evicted.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace ferrum {

enum class BlockId : int32_t {};
constexpr size_t index_of(BlockId id) { return static_cast<size_t>(id); }
inline constexpr BlockId kNoBlock{-1};

// Blocks 0, 1, 2, …: for the only user of a cache.
inline std::vector<BlockId> first_blocks(int count) {
  std::vector<BlockId> blocks(static_cast<size_t>(count));
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<BlockId>(i);
  return blocks;
}

class BlockPool {
 public:
  explicit BlockPool(int blocks);

  struct Taken {
    BlockId id;
    bool was_idle;  // if so, its contents are evicted
  };
  // Takes a block with one reference; nullopt if all are used.
  std::optional<Taken> take();
  // Adds a reference to a used or idle block.
  void share(BlockId id);
  // Drops a reference. After the last one, the block is idle if it is kept, otherwise free.
  void release(BlockId id);
  // Whether the block becomes idle rather than free. Takes effect at once if it is unused.
  void keep(BlockId id);
  void drop(BlockId id);

  int references(BlockId id) const { return blocks_[index_of(id)].references; }
  int size() const { return static_cast<int>(blocks_.size()); }
  int used() const { return size() - idle_ - free_; }
  int idle() const { return idle_; }
  int free() const { return free_; }
  int available() const { return idle_ + free_; }  // the number of blocks that take() can return

 private:
  // A ring of unused blocks by index, with an anchor that is not a block. Blocks are taken from the front.
  struct Link {
    size_t before;
    size_t after;
  };
  struct Block {
    int references = 0;
    bool kept = false;
  };

  size_t free_anchor() const { return blocks_.size(); }
  size_t idle_anchor() const { return blocks_.size() + 1; }
  void put_before(size_t at, size_t block);
  void unlink(size_t block);
  void count_unused(const Block& block, int change) { (block.kept ? idle_ : free_) += change; }
  void put_aside(size_t block);  // adds an unused block to its ring

  std::vector<Block> blocks_;
  std::vector<Link> links_;  // [blocks + 2]: two rings
  int free_ = 0;
  int idle_ = 0;
};

}  // namespace ferrum
