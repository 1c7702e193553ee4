// F32, F16, BF16: plain little-endian floats.
#include <cstring>

#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_f32(const std::byte* data, float* out, size_t count) {
  std::memcpy(out, data, count * sizeof(float));
}

void decode_f16(const std::byte* data, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, data + 2 * i, 2);
    out[i] = float_from_f16(bits);
  }
}

void decode_bf16(const std::byte* data, float* out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, data + 2 * i, 2);
    out[i] = float_from_bf16(bits);
  }
}

}  // namespace ferrum::formats
