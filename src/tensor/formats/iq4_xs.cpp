// IQ4_XS: 256 values in 136 bytes, 4.25 bits each, in 8 sub-blocks of 32: value = d × scale × kIq4Values[q].
//
//   0   d            binary16
//   2   scales_high  bits 2s, 2s + 1 of the 16: the upper two bits of sub-block s' scale
//   4   scales_low   byte b: the lower four bits of the scales of sub-blocks 2b (low) and 2b + 1 (high)
//   8   quants       16 bytes for each sub-block: byte j: q of value j (low) and of value j + 16 (high)
//
// A scale has six bits, less 32.
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_iq4_xs(const std::byte* blocks, float* out, size_t count) {
  for (const BlockIQ4_XS& block : blocks_in<BlockIQ4_XS, kSuperBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const auto scales = iq4_xs_scales(block);
    for (int s = 0; s < 8; ++s) {
      const float scale = d * static_cast<float>(scales[s]);
      const uint8_t* quants = block.quants + 16 * s;
      for (int j = 0; j < 16; ++j) {
        out[j] = scale * static_cast<float>(kIq4Values[quants[j] & 15]);
        out[j + 16] = scale * static_cast<float>(kIq4Values[quants[j] >> 4]);
      }
      out += 32;
    }
  }
}

}  // namespace ferrum::formats
