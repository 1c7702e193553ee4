// Q6_K: 256 values in 210 bytes, 6.5625 bits each, in 16 sub-blocks of 16: value = d × scale × (q − 32).
//
//   0    low     64 bytes for each half of 128 values: byte j holds the lower four bits of the q of value j
//                (low) and of value j + 64 (high)
//   128  high    32 bytes for each half: bits 2k, 2k + 1 of byte j are the upper two bits of value 32 k + j
//   192  scales  16 signed bytes
//   208  d       binary16
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q6_k(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ6_K& block : blocks_in<BlockQ6_K, kSuperBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    for (int s = 0; s < 16; ++s) {
      const float scale = d * static_cast<float>(block.scales[s]);
      const int half = s / 8;
      const int within = s % 8;  // of the half
      const uint8_t* low = block.low + 64 * half + 16 * (within % 4);
      const uint8_t* high = block.high + 32 * half + 16 * (within % 2);
      for (int j = 0; j < 16; ++j) {
        const int q = ((low[j] >> (4 * (within / 4))) & 15) | ((high[j] >> (2 * (within / 2))) & 3) << 4;
        *out++ = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace ferrum::formats
