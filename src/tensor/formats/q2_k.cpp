// Q2_K: 256 values in 84 bytes, 2.625 bits each, in 16 sub-blocks of 16: value = d × scale × q − dmin × min.
//
//   0   scales   byte s: the scale of sub-block s in the lower four bits, its minimum in the upper
//   16  quants   32 bytes for each half of 128 values: bits 2k, 2k + 1 of byte j are the q of value 32 k + j
//   80  d        binary16
//   82  dmin     binary16
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q2_k(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ2_K& block : blocks_in<BlockQ2_K, kSuperBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const float dmin = float_from_f16(block.dmin);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s] & 15);
      const float minimum = dmin * static_cast<float>(block.scales[s] >> 4);
      const uint8_t* quants = block.quants + 32 * (s / 8) + 16 * (s % 2);
      const int shift = 2 * (s / 2 % 4);
      for (int j = 0; j < 16; ++j) *out++ = scale * static_cast<float>((quants[j] >> shift) & 3) - minimum;
    }
  }
}

}  // namespace ferrum::formats
