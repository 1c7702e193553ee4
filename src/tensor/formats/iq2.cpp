// IQ2_XXS, IQ2_XS and IQ2_S: value = d / 8 × scale × ± one of 8, 25, 43. Eight values are a point of the
// format's grid, whose numbers say which of the three, and eight signs; scale = 2 s + 1.
//
// IQ2_XXS: 256 values in 66 bytes, 2.06 bits each, in 8 parts of 32.
//   0   d      binary16
//   2   parts  for each: four indices of a byte, then 32 bits: seven signs for each point (see eight_signs),
//              bits 28–31 s
//
// IQ2_XS: 256 values in 74 bytes, 2.31 bits each.
//   0   d       binary16
//   2   points  16 bits for each: bits 0–8 the index, bits 9–15 seven signs
//   66  scales  four bits for every 16 values, low first: s
//
// IQ2_S: 256 values in 82 bytes, 2.56 bits each.
//   0   d            binary16
//   2   points       the lower eight bits of each point's index
//   34  signs        a byte for each point
//   66  points_high  bits 2g, 2g + 1 of byte b: the upper two bits of the index of point 4b + g
//   74  scales       as in IQ2_XS
#include <cstring>

#include "tensor/formats/coded.h"
#include "tensor/formats/decode.h"
#include "tensor/formats/grids.h"

namespace ferrum::formats {
namespace {

void take_point(const std::array<uint8_t, 8>& point, unsigned signs, uint8_t* codes) {
  const uint64_t all = std::bit_cast<uint64_t>(point) | spread_bits(signs) << 2;
  std::memcpy(codes, &all, sizeof all);
}

void take_scales(const uint8_t (&packed)[8], uint8_t* scales) {
  for (int i = 0; i < 16; ++i)
    scales[i] = static_cast<uint8_t>(2 * (packed[i / 2] >> (4 * (i % 2)) & 15) + 1);
}

}  // namespace

void take_codes(const BlockIQ2_XXS& block, CodedBlock& out) {
  out.d = block.d;
  for (int s = 0; s < 8; ++s) {
    const BlockIQ2_XXS::Part& part = block.parts[s];
    const uint32_t signs = part.signs_and_scale;
    out.scales[2 * s] = out.scales[2 * s + 1] = static_cast<uint8_t>(2 * (signs >> 28) + 1);
    for (int g = 0; g < 4; ++g)
      take_point(kIq2XxsGrid[part.points[g]], eight_signs(signs >> (7 * g) & 127),
                 out.codes + 32 * s + 8 * g);
  }
}

void take_codes(const BlockIQ2_XS& block, CodedBlock& out) {
  out.d = block.d;
  take_scales(block.scales, out.scales);
  for (int g = 0; g < 32; ++g) {
    const unsigned point = block.points[g];
    take_point(kIq2XsGrid[point & 511], eight_signs(point >> 9), out.codes + 8 * g);
  }
}

void take_codes(const BlockIQ2_S& block, CodedBlock& out) {
  out.d = block.d;
  take_scales(block.scales, out.scales);
  for (int g = 0; g < 32; ++g) {
    const unsigned high = block.points_high[g / 4] >> (2 * (g % 4)) & 3;
    take_point(kIq2SGrid[block.points[g] | high << 8], block.signs[g], out.codes + 8 * g);
  }
}

void decode_iq2_xxs(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ2_XXS>(blocks, kIq2Codes, out, count);
}
void decode_iq2_xs(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ2_XS>(blocks, kIq2Codes, out, count);
}
void decode_iq2_s(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ2_S>(blocks, kIq2Codes, out, count);
}

}  // namespace ferrum::formats
