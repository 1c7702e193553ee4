// Types that device code and the host share.
#pragma once
#include <cstdint>

namespace gpu {

struct alignas(8) Vec2 {
  uint32_t x, y;
};
struct alignas(16) Vec4 {
  uint32_t x, y, z, w;
};
struct Index {
  int x, y, z;
};
inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr float kInfinity = __builtin_inff();

// Bytes that a kernel's shared arrays take: the host's side of SharedMemory.
class SharedSize {
 public:
  template <class T>
  constexpr SharedSize array(int count) const {
    return SharedSize((bytes_ + 15) / 16 * 16 + static_cast<int>(sizeof(T)) * count);
  }
  constexpr int bytes() const { return bytes_; }
  constexpr explicit SharedSize(int bytes = 0) : bytes_(bytes) {}

 private:
  int bytes_;
};

}  // namespace gpu
