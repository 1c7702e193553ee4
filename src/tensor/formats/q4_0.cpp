// Q4_0: 32 values in 18 bytes, 4.5 bits each: value = d × (q − 8).
//
//   0   d        binary16
//   2   quants   byte j: q of value j in the lower four bits, of value j + 16 in the upper
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q4_0(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ4_0& block : blocks_in<BlockQ4_0, kSmallBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>((block.quants[j] & 15) - 8);
      out[j + 16] = d * static_cast<float>((block.quants[j] >> 4) - 8);
    }
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
