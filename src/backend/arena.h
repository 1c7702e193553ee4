// Where a model's buffers come from: a backend, the host, or a counter that only adds up what would be
// allocated.
// Planning memory runs the allocating code against the counter, so that plan and truth are one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "base/error.h"

namespace ferrum {

// The front of a contiguous room, as a tensor of this shape.
inline Tensor shaped(const Tensor& room, int rows, int cols) {
  return {room.data, room.dtype, rows, cols, cols};
}

class Arena {
 public:
  virtual ~Arena() = default;

  // [rows, cols], contiguous. A counter's has no memory: it must not be touched. Error kNoMemory for sizes
  // that no tensor can have (fault N13).
  Tensor allocate(DType dtype, int64_t rows, int64_t cols) {
    constexpr int64_t kMost = std::numeric_limits<int>::max();
    const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(cols) * size_of(dtype);
    if (rows < 0 || rows > kMost || cols < 0 || cols > kMost ||
        __builtin_add_overflow(bytes_, bytes, &bytes_))
      fail(ErrorCode::kNoMemory, "a buffer of {} rows of {} values is beyond any memory", rows, cols);
    return {take(bytes), dtype, static_cast<int>(rows), static_cast<int>(cols), static_cast<int>(cols)};
  }
  size_t bytes() const { return bytes_; }

 private:
  virtual void* take(size_t bytes) = 0;
  size_t bytes_ = 0;
};

class BackendArena final : public Arena {
 public:
  explicit BackendArena(Backend& backend) : backend_(backend) {}

 private:
  void* take(size_t bytes) override {
    buffers_.push_back(backend_.allocate(bytes));
    return buffers_.back()->data();
  }
  Backend& backend_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

// On the host, for what is made before a backend gets it.
class HostArena final : public Arena {
 private:
  void* take(size_t bytes) override {
    buffers_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return buffers_.back().get();
  }
  std::vector<std::unique_ptr<std::byte[]>> buffers_;
};

class CountingArena final : public Arena {
 private:
  void* take(size_t) override { return &place_; }
  char place_ = 0;
};

}  // namespace ferrum
