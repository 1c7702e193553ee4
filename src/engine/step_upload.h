// What the host gives a step, in one room on the device that one copy fills: parts lie one behind the other,
// in the order in which they are added. So steps whose parts have the same sizes have them at the same
// addresses, as recorded work needs.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"

namespace ferrum {

class StepUpload {
 public:
  // Room on the device for parts that take this many bytes together, each rounded().
  StepUpload(Backend& backend, Arena& arena, size_t bytes);

  // Every part begins at a multiple of this.
  static constexpr size_t kAlignment = 64;
  static constexpr size_t rounded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
  // Of `count` numbers of 32 bits.
  static constexpr size_t of_words(int64_t count) { return rounded(static_cast<size_t>(count) * 4); }
  // Allocates what the constructor does.
  static Tensor allocate(Arena& arena, size_t bytes);

  void begin() { cut(0); }  // with none
  // Adds a part, [values / cols, cols], and returns where it will be once it is sent. The values may change
  // when this returns. REQUIRES: they fit.
  Tensor add(DType dtype, int cols, std::span<const std::byte> values);
  Tensor add(std::span<const int32_t> values, int cols = 1) {
    return add(DType::kI32, cols, std::as_bytes(values));
  }
  Tensor add(std::span<const float> values, int cols = 1) {
    return add(DType::kF32, cols, std::as_bytes(values));
  }
  size_t size() const { return size_; }  // bytes of the parts
  void cut(size_t size);                 // drops the parts behind; others may be added and sent instead
  // Copies the parts that were added since the last time to the device.
  void send();

 private:
  Backend& backend_;
  Tensor room_;                        // [bytes / kAlignment, kAlignment] i8
  std::unique_ptr<std::byte[]> host_;  // the same on the host
  size_t size_ = 0, sent_ = 0;
};

}  // namespace ferrum
