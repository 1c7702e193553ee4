// Zeroed memory straight from the system, in huge pages where it gives them: what is large and read from end
// to end wants few page-table walks. Owns it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ferrum::cpu {

class PageMemory {
 public:
  PageMemory() = default;
  // Pages come into being when first written, by whichever thread does. Throws std::bad_alloc.
  explicit PageMemory(size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  // Asks for pages that are still to come to be dealt out to these NUMA nodes in turns; false if the system
  // refuses, and places them as it likes.
  bool interleave(std::span<const int> nodes) const;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;  // at the beginning of a page, of a huge one where it is as large
  size_t bytes_ = 0;
};

// Memory for many things that live about equally long, one behind the other, so that those that are no
// multiple of a huge page lie in huge pages all the same.
class PageArena {
 public:
  // Of several nodes the memory is interleaved: what all threads read together is no node's alone.
  explicit PageArena(std::vector<int> nodes = {}) : nodes_(std::move(nodes)) {}

  // Zeros, on a cache line; given back when everything from the same pages is. Throws std::bad_alloc.
  std::shared_ptr<uint8_t> take(size_t bytes);

 private:
  std::vector<int> nodes_;
  std::shared_ptr<PageMemory> chunk_;
  size_t taken_ = 0;  // bytes of it
};

}  // namespace ferrum::cpu
