// IQ3_XXS and IQ3_S: four values are a point of the format's grid, with a sign for each; scale = 2 s + 1.
//
// IQ3_XXS: 256 values in 98 bytes, 3.06 bits each, in 8 parts of 32.
// value = d / 4 × scale × ± one of 4, 12, 20, 28, 36, 44, 52, 62.
//   0   d       binary16
//   2   points  the index of each point
//   66  signs   32 bits for each part: seven signs for every two points (see eight_signs), bits 28–31 s
//
// IQ3_S: 256 values in 110 bytes, 3.44 bits each, in 8 parts of 32.
// value = d × scale × ± one of 1, 3, 5, 7, 9, 11, 13, 15.
//   0   d            binary16
//   2   points       the lower eight bits of each point's index
//   66  points_high  a byte for each part, bit g: the ninth bit of the index of its point g
//   74  signs        a byte for every two points
//   106 scales       four bits for each part, low first: s
#include <cstring>

#include "tensor/formats/coded.h"
#include "tensor/formats/decode.h"
#include "tensor/formats/grids.h"

namespace ferrum::formats {
namespace {

// The point at an even place takes the lower four signs.
void take_point(const std::array<uint8_t, 4>& point, unsigned signs, uint8_t* codes) {
  const uint32_t all = std::bit_cast<uint32_t>(point) | static_cast<uint32_t>(spread_bits(signs & 15)) << 3;
  std::memcpy(codes, &all, sizeof all);
}

}  // namespace

void take_codes(const BlockIQ3_XXS& block, CodedBlock& out) {
  out.d = block.d;
  for (int s = 0; s < 8; ++s) {
    const uint32_t signs = block.signs_and_scales[s];
    out.scales[2 * s] = out.scales[2 * s + 1] = static_cast<uint8_t>(2 * (signs >> 28) + 1);
    for (int g = 0; g < 8; ++g)
      take_point(kIq3XxsGrid[block.points[8 * s + g]],
                 eight_signs(signs >> (7 * (g / 2)) & 127) >> (4 * (g % 2)), out.codes + 32 * s + 4 * g);
  }
}

void take_codes(const BlockIQ3_S& block, CodedBlock& out) {
  out.d = block.d;
  for (int s = 0; s < 8; ++s) {
    const unsigned scale = block.scales[s / 2] >> (4 * (s % 2)) & 15;
    out.scales[2 * s] = out.scales[2 * s + 1] = static_cast<uint8_t>(2 * scale + 1);
    for (int g = 0; g < 8; ++g) {
      const unsigned high = block.points_high[s] >> g & 1;
      take_point(kIq3SGrid[block.points[8 * s + g] | high << 8], block.signs[4 * s + g / 2] >> (4 * (g % 2)),
                 out.codes + 32 * s + 4 * g);
    }
  }
}

void decode_iq3_xxs(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ3_XXS>(blocks, kIq3XxsCodes, out, count);
}
void decode_iq3_s(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ3_S>(blocks, kIq3SCodes, out, count);
}

}  // namespace ferrum::formats
