// G4_32, G4_64, G4_128: a group of 4-bit integers with one scale and one zero point: value = d × (q − zero).
//
//   0   d        binary16
//   2   zero     one byte
//   3   quants   16 bytes for every 32 values: byte j: q of value j (low) and of value j + 16 (high)
//
// The contents of GPTQ and AWQ checkpoints (Frantar et al. 2022, arXiv:2210.17323; Lin et al. 2023,
// arXiv:2306.00978), group by group along the rows. Their own layouts, along the columns, are read in
// checkpoint/safetensors/group_rows.cpp.
#include "tensor/formats/blocks.h"
#include "tensor/formats/decode.h"
#include "tensor/half.h"

namespace ferrum::formats {
namespace {

template <int kValues>
void decode(const std::byte* blocks, float* out, size_t count) {
  for (const BlockG4<kValues>& block : blocks_in<BlockG4<kValues>, kValues>(blocks, count)) {
    const float d = float_from_f16(block.d);
    for (int i = 0; i < kValues; i += kSmallBlock, out += kSmallBlock)
      for (int j = 0; j < 16; ++j) {
        const int both = block.quants[i / 2 + j];
        out[j] = d * static_cast<float>((both & 15) - block.zero);
        out[j + 16] = d * static_cast<float>((both >> 4) - block.zero);
      }
  }
}

}  // namespace

void decode_g4_32(const std::byte* blocks, float* out, size_t count) { decode<32>(blocks, out, count); }
void decode_g4_64(const std::byte* blocks, float* out, size_t count) { decode<64>(blocks, out, count); }
void decode_g4_128(const std::byte* blocks, float* out, size_t count) { decode<128>(blocks, out, count); }

}  // namespace ferrum::formats
