// IQ1_S and IQ1_M: value = d × scale × (x ± 1/8), with x in −1, 0, 1. Eight values are a point of kIq1Grid,
// whose numbers are x + 1; its index has 11 bits.
//
// IQ1_S: 256 values in 50 bytes, 1.56 bits each, in 8 parts of 32.
//   0    d       binary16
//   2    points  the lower eight bits of each point's index
//   34   parts   16 bits for each part: bits 3g … 3g + 2 the upper three of point g's index, bits 12–14 s,
//                bit 15 whether 1/8 is taken away; scale = 2 s + 1
//
// IQ1_M: 256 values in 56 bytes, 1.75 bits each, in 16 parts of 16.
//   0    points       as above
//   32   points_high  four bits for each point, low first: the upper three of its index, then the sign of 1/8
//   48   scales       four words of 16 bits: bits 3k … 3k + 2 of word w are s of part 4w + k; bits 12–15 are
//                     bits 4w … 4w + 3 of d, binary16
#include <cstring>

#include "tensor/formats/coded.h"
#include "tensor/formats/decode.h"
#include "tensor/formats/grids.h"

namespace ferrum::formats {
namespace {

void take_point(unsigned index, unsigned is_minus, uint8_t* codes) {
  const uint64_t all = std::bit_cast<uint64_t>(kIq1Grid[index]) | is_minus * 0x0404040404040404u;
  std::memcpy(codes, &all, sizeof all);
}

}  // namespace

void take_codes(const BlockIQ1_S& block, CodedBlock& out) {
  out.d = block.d;
  for (int s = 0; s < 8; ++s) {
    const unsigned part = block.parts[s];
    out.scales[2 * s] = out.scales[2 * s + 1] = static_cast<uint8_t>(2 * (part >> 12 & 7) + 1);
    for (int g = 0; g < 4; ++g)
      take_point(block.points[4 * s + g] | (part >> (3 * g) & 7) << 8, part >> 15,
                 out.codes + 32 * s + 8 * g);
  }
}

void take_codes(const BlockIQ1_M& block, CodedBlock& out) {
  unsigned d = 0;
  for (int word = 0; word < 4; ++word) {
    const unsigned bits = block.scales[word];
    d |= (bits >> 12) << (4 * word);
    for (int k = 0; k < 4; ++k)
      out.scales[4 * word + k] = static_cast<uint8_t>(2 * (bits >> (3 * k) & 7) + 1);
  }
  out.d = static_cast<uint16_t>(d);
  for (int g = 0; g < 32; ++g) {
    const unsigned high = block.points_high[g / 2] >> (4 * (g % 2));
    take_point(block.points[g] | (high & 7) << 8, high >> 3 & 1, out.codes + 8 * g);
  }
}

void decode_iq1_s(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ1_S>(blocks, kIq1Codes, out, count);
}
void decode_iq1_m(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockIQ1_M>(blocks, kIq1Codes, out, count);
}

}  // namespace ferrum::formats
