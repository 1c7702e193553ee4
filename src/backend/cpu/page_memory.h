// Zeroed memory straight from the system, in huge pages where it gives them: what is large and read from end
// to end wants few page-table walks. Owns it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ferrum::cpu {

class PageMemory {
 public:
  PageMemory() = default;
  // Pages come into being when first written, by whichever thread does. Throws std::bad_alloc.
  explicit PageMemory(size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* data_ = nullptr;  // on a cache line
  size_t bytes_ = 0;
};

}  // namespace ferrum::cpu
