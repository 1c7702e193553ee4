// Q3_K: 256 values in 110 bytes, 3.4375 bits each, in 16 sub-blocks of 16: value = d × scale × (q − 4).
//
//   0    high_bits  byte j, bit b: the third bit of the q of value 32 b + j
//   32   quants     32 bytes for each half of 128 values: bits 2k, 2k + 1 of byte j are the lower two bits
//                   of value 32 k + j
//   96   scales     16 of six bits, less 32: see q3_k_scales
//   108  d          binary16
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q3_k(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ3_K& block : blocks_in<BlockQ3_K, kSuperBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const auto scales = q3_k_scales(block.scales);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(scales[s]);
      const uint8_t* quants = block.quants + 32 * (s / 8) + 16 * (s % 2);
      const uint8_t* high_bits = block.high_bits + 16 * (s % 2);
      const int shift = 2 * (s / 2 % 4);
      for (int j = 0; j < 16; ++j) {
        const int q = ((quants[j] >> shift) & 3) | ((high_bits[j] >> (s / 2)) & 1) << 2;
        *out++ = scale * static_cast<float>(q - 4);
      }
    }
  }
}

}  // namespace ferrum::formats
