// MXFP4: 32 values in 17 bytes, 4.25 bits each: value = 2^(exponent − 127) × E2M1(q).
//
//   0   exponent  one byte, E8M0
//   1   quants    byte j: q of value j (low) and of value j + 16 (high)
//
// E2M1 has a sign, two bits of exponent and one of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives
// (−0 is read as 0).
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"

namespace ferrum::formats {

void decode_mxfp4(const std::byte* blocks, float* out, size_t count) {
  for (const BlockMXFP4& block : blocks_in<BlockMXFP4, kSmallBlock>(blocks, count)) {
    const float half_scale = mxfp4_half_scale(block.exponent);
    for (int j = 0; j < 16; ++j) {
      out[j] = half_scale * static_cast<float>(kMxfp4DoubledValues[block.quants[j] & 15]);
      out[j + 16] = half_scale * static_cast<float>(kMxfp4DoubledValues[block.quants[j] >> 4]);
    }
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
