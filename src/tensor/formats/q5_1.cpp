// Q5_1: 32 values in 24 bytes, 6 bits each: value = d × q + m.
//
//   0   d          binary16
//   2   m          binary16, the smallest value
//   4   high_bits  bit i of the 32: the fifth bit of the q of value i
//   8   quants     byte j: the lower four bits of value j's q below, of value j + 16's above
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q5_1(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ5_1& block : blocks_in<BlockQ5_1, kSmallBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const float m = float_from_f16(block.m);
    for (int j = 0; j < 16; ++j) {
      const int low = (block.quants[j] & 15) | static_cast<int>((block.high_bits >> j) & 1) << 4;
      const int high = (block.quants[j] >> 4) | static_cast<int>((block.high_bits >> (j + 16)) & 1) << 4;
      out[j] = d * static_cast<float>(low) + m;
      out[j + 16] = d * static_cast<float>(high) + m;
    }
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
