// Q4_1: 32 values in 20 bytes, 5 bits each: value = d × q + m.
//
//   0   d        binary16
//   2   m        binary16, the smallest value
//   4   quants   byte j: q of value j in the lower four bits, of value j + 16 in the upper
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q4_1(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ4_1& block : blocks_in<BlockQ4_1, kSmallBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const float m = float_from_f16(block.m);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>(block.quants[j] & 15) + m;
      out[j + 16] = d * static_cast<float>(block.quants[j] >> 4) + m;
    }
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
