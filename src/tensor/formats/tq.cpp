// TQ1_0 and TQ2_0: value = d × (q − 1), one scale for 256 values.
//
// TQ1_0: 256 values in 54 bytes, 1.69 bits each, with q in 0, 1, 2. A byte is a fraction of 256, and q of its
// n-th value is digit n after the point when the fraction is written in base 3.
//   0   fives  48 bytes of five values: value 32 n + j is in byte j for j < 32 (values 0–159), and value
//              160 + 16 n + j in byte 32 + j (values 160–239)
//   48  fours  4 bytes of four values: value 240 + 4 n + j is in byte j
//   52  d      binary16
//
// TQ2_0: 256 values in 66 bytes, 2.06 bits each, with q in 0 … 3.
//   0   quants  bits 2n, 2n + 1 of byte 32 h + j: value 128 h + 32 n + j
//   64  d       binary16
#include "tensor/formats/coded.h"
#include "tensor/formats/decode.h"

namespace ferrum::formats {
namespace {

// Takes `digits` values of each of `count` bytes.
uint8_t* take_digits(const uint8_t* bytes, int count, int digits, uint8_t* codes) {
  unsigned power = 1;
  for (int n = 0; n < digits; ++n, power *= 3)
    for (int j = 0; j < count; ++j) *codes++ = static_cast<uint8_t>((bytes[j] * power & 255) * 3 >> 8);
  return codes;
}

void set_scales_to_one(CodedBlock& out) {
  for (uint8_t& scale : out.scales) scale = 1;
}

}  // namespace

void take_codes(const BlockTQ1_0& block, CodedBlock& out) {
  out.d = block.d;
  set_scales_to_one(out);
  uint8_t* codes = take_digits(block.fives, 32, 5, out.codes);
  codes = take_digits(block.fives + 32, 16, 5, codes);
  take_digits(block.fours, 4, 4, codes);
}

void take_codes(const BlockTQ2_0& block, CodedBlock& out) {
  out.d = block.d;
  set_scales_to_one(out);
  for (int i = 0; i < kSuperBlock; ++i)
    out.codes[i] = block.quants[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4)) & 3;
}

void decode_tq1_0(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockTQ1_0>(blocks, kTernaryCodes, out, count);
}
void decode_tq2_0(const std::byte* blocks, float* out, size_t count) {
  decode_coded_blocks<BlockTQ2_0>(blocks, kTernaryCodes, out, count);
}

}  // namespace ferrum::formats
