// Owning, zeroed memory directly from the system, in huge pages if available: large memory that is read
// sequentially then needs few page-table walks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/cpu/room.h"

namespace ferrum::cpu {

class PageMemory {
 public:
  PageMemory() = default;
  // A page is allocated when a thread first writes to it. Throws std::bad_alloc. What is only counted has no
  // data.
  explicit PageMemory(size_t bytes, Room room = Room::kTaken);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  // Requests that pages not yet allocated are interleaved over these NUMA nodes; returns false if the system
  // refuses and places them by its own policy.
  bool interleave(std::span<const int> nodes) const;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;  // aligned to a page, to a huge one if it is as large
  size_t bytes_ = 0;
};

// Consecutive allocations of similar lifetime, so that sizes that are not a multiple of a huge page still use
// huge pages.
class PageArena {
 public:
  // With several nodes the memory is interleaved, since all threads read it together.
  explicit PageArena(std::vector<int> nodes = {}) : nodes_(std::move(nodes)) {}

  // Zeroed, on a cache line; released when all allocations in the same pages are. Throws std::bad_alloc.
  std::shared_ptr<uint8_t> take(size_t bytes);

 private:
  std::vector<int> nodes_;
  std::shared_ptr<PageMemory> chunk_;
  size_t taken_ = 0;  // bytes of it
};

}  // namespace ferrum::cpu
