// Which blocks of the KV cache are in use, by how many sequences. Host bookkeeping: no device, no contents.
//
// A block is free (nobody uses it, it holds nothing), used (one reference or more), or idle: nobody uses it,
// but what it holds may be asked for again. Idle blocks are taken when no free one is left, the longest idle
// first.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace ferrum {

enum class BlockId : int32_t {};
constexpr size_t index_of(BlockId id) { return static_cast<size_t>(id); }
inline constexpr BlockId kNoBlock{-1};

// Blocks 0, 1, 2, …: for whoever has them all to himself.
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
    bool was_idle;  // so what it held is lost
  };
  // A block with one reference; nothing if all are used.
  std::optional<Taken> take();
  // One more reference to a used or idle block.
  void share(BlockId id);
  // One reference less. After the last, the block is idle if it is kept, else free.
  void release(BlockId id);
  // Whether an unused block is idle or free. Takes effect at once.
  void keep(BlockId id);
  void drop(BlockId id);

  int references(BlockId id) const { return blocks_[index_of(id)].references; }
  int size() const { return static_cast<int>(blocks_.size()); }
  int used() const { return size() - idle_ - free_; }
  int idle() const { return idle_; }
  int free() const { return free_; }
  int available() const { return idle_ + free_; }  // what take() can give

 private:
  // A ring of unused blocks by index, through an anchor without a block: the front is taken first.
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
  void put_aside(size_t block);  // an unused block, into its ring

  std::vector<Block> blocks_;
  std::vector<Link> links_;  // [blocks + 2]: two rings
  int free_ = 0;
  int idle_ = 0;
};

}  // namespace ferrum
