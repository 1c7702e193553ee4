// Q5_0: 32 values in 22 bytes, 5.5 bits each: value = d × (q − 16).
//
//   0   d          binary16
//   2   high_bits  bit i of the 32: the fifth bit of the q of value i
//   6   quants     byte j: the lower four bits of value j's q below, of value j + 16's above
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q5_0(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ5_0& block : blocks_in<BlockQ5_0, kSmallBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      const int low = (block.quants[j] & 15) | static_cast<int>((block.high_bits >> j) & 1) << 4;
      const int high = (block.quants[j] >> 4) | static_cast<int>((block.high_bits >> (j + 16)) & 1) << 4;
      out[j] = d * static_cast<float>(low - 16);
      out[j + 16] = d * static_cast<float>(high - 16);
    }
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
