// Q8_0: 32 values in 34 bytes, 8.5 bits each: value = d × q.
//
//   0   d        binary16
//   2   quants   32 signed bytes
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {

void decode_q8_0(const std::byte* blocks, float* out, size_t count) {
  for (const BlockQ8_0& block : blocks_in<BlockQ8_0, kSmallBlock>(blocks, count)) {
    const float d = float_from_f16(block.d);
    for (int j = 0; j < kSmallBlock; ++j) out[j] = d * static_cast<float>(block.quants[j]);
    out += kSmallBlock;
  }
}

}  // namespace ferrum::formats
