// Owning, zeroed memory that begins on a cache line.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>

#include "backend/cpu/room.h"

namespace ferrum::cpu {

template <class T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  AlignedArray() = default;
  // Throws std::bad_alloc. What is only counted has no data.
  explicit AlignedArray(size_t count, Room room = Room::kTaken) : size_(count) {
    if (count > (std::numeric_limits<size_t>::max() - kAlignment) / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes == 0 || room == Room::kCounted) return;
    data_.reset(static_cast<T*>(std::aligned_alloc(kAlignment, bytes)));
    if (!data_) throw std::bad_alloc();
    std::memset(static_cast<void*>(data_.get()), 0, bytes);
  }

  T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }

  // Grows to `count` elements; if the memory moves, all are zero.
  void grow(size_t count, Room room = Room::kTaken) {
    if (count > size_) *this = AlignedArray(count, room);
  }

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };

  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

}  // namespace ferrum::cpu
