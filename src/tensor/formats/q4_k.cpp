// Q4_K: 256 values in 144 bytes, 4.5 bits each, in 8 sub-blocks of 32: value = d × scale × q − dmin × min.
//
//   0   d        binary16
//   2   dmin     binary16
//   4   scales   8 scales and 8 minima of six bits: see scales_and_mins
//   16  quants   32 bytes for each pair of sub-blocks: the first in the lower four bits, the second in the
//                upper
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q4_k(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ4_K& block : blocks_in<BlockQ4_K, kSuperBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    const float dmin = float_from_f16(block.dmin);
    const ScalesAndMins packed = scales_and_mins(block.scales);
    for (int s = 0; s < 8; ++s) {
      const float scale = d * static_cast<float>(packed.scales[s]);
      const float minimum = dmin * static_cast<float>(packed.mins[s]);
      const uint8_t* quants = block.quants + 32 * (s / 2);
      const int shift = 4 * (s % 2);
      for (int j = 0; j < 32; ++j) *out++ = scale * static_cast<float>((quants[j] >> shift) & 15) - minimum;
    }
  }
}

}  // namespace ferrum::formats
