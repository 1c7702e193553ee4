#include "backend/cuda/row_quants.h"

#include <array>
#include <cstring>

#include "tensor/formats/coded.h"

namespace ferrum::cuda {
namespace {

using namespace formats;

// Where the parts of a block go.
struct Place {
  uint32_t* values;
  RowQuants::Unit* units;
  RowQuants::Record* record;
};

// Of value j the lower four bits of byte j, of value j + 16 the upper.
void take_nibbles(const uint8_t* quants, uint32_t* values) {
  for (int j = 0; j < 16; ++j) {
    values[j] = quants[j] & 15;
    values[j + 16] = quants[j] >> 4;
  }
}
void take_fifth_bits(uint32_t bits, uint32_t* values) {
  for (int i = 0; i < 32; ++i) values[i] |= (bits >> i & 1) << 4;
}

void take(const BlockQ4_0& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  *to.record = {b.d, 0};
}
void take(const BlockQ4_1& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  *to.record = {b.d, b.m};
}
void take(const BlockQ5_0& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  take_fifth_bits(b.high_bits, to.values);
  *to.record = {b.d, 0};
}
void take(const BlockQ5_1& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  take_fifth_bits(b.high_bits, to.values);
  *to.record = {b.d, b.m};
}
void take(const BlockQ8_0& b, const Place& to) {
  for (int i = 0; i < 32; ++i) to.values[i] = static_cast<uint8_t>(b.quants[i]);
  *to.record = {b.d, 0};
}
void take(const BlockIQ4_NL& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  *to.record = {b.d, 0};
}
void take(const BlockMXFP4& b, const Place& to) {
  take_nibbles(b.quants, to.values);
  const float scale = mxfp4_half_scale(b.exponent);  // a power of two: bf16 has it
  *to.record = {static_cast<uint16_t>(std::bit_cast<uint32_t>(scale) >> 16), 0};
}
template <int kValues>
void take(const BlockG4<kValues>& b, const Place& to) {
  for (int u = 0; u < kValues / 32; ++u) {
    take_nibbles(b.quants + 16 * u, to.values + 32 * u);
    to.units[u].minimum[0] = b.zero;
  }
  *to.record = {b.d, 0};
}

constexpr uint16_t kSign = 0x8000;  // minima are taken away

void take(const BlockQ2_K& b, const Place& to) {
  for (int i = 0; i < 256; ++i) to.values[i] = b.quants[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4)) & 3;
  for (int s = 0; s < 16; ++s) {
    to.units[s / 2].scale[s % 2] = b.scales[s] & 15;
    to.units[s / 2].minimum[s % 2] = b.scales[s] >> 4;
  }
  *to.record = {b.d, static_cast<uint16_t>(b.dmin ^ kSign)};
}
void take(const BlockQ3_K& b, const Place& to) {
  for (int i = 0; i < 256; ++i)
    to.values[i] = (b.quants[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4)) & 3) |
                   (b.high_bits[i % 32] >> (i / 32) & 1) << 2;
  const auto scales = q3_k_scales(b.scales);
  for (size_t s = 0; s < 16; ++s) to.units[s / 2].scale[s % 2] = static_cast<uint8_t>(scales[s]);
  *to.record = {b.d, 0};
}
template <class Block>
void take_scales_and_mins(const Block& b, const Place& to) {
  const ScalesAndMins packed = scales_and_mins(b.scales);
  for (size_t s = 0; s < 8; ++s) {
    to.units[s].scale[0] = packed.scales[s];
    to.units[s].minimum[0] = packed.mins[s];
  }
  *to.record = {b.d, static_cast<uint16_t>(b.dmin ^ kSign)};
}
void take(const BlockQ4_K& b, const Place& to) {
  for (int i = 0; i < 256; ++i) to.values[i] = b.quants[32 * (i / 64) + i % 32] >> (4 * (i / 32 % 2)) & 15;
  take_scales_and_mins(b, to);
}
void take(const BlockQ5_K& b, const Place& to) {
  for (int i = 0; i < 256; ++i)
    to.values[i] = (b.quants[32 * (i / 64) + i % 32] >> (4 * (i / 32 % 2)) & 15) |
                   (b.high_bits[i % 32] >> (i / 32) & 1) << 4;
  take_scales_and_mins(b, to);
}
void take(const BlockQ6_K& b, const Place& to) {
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, within = i % 128 / 32;
    to.values[i] = (b.low[64 * half + i % 64] >> (4 * (within / 2)) & 15) |
                   (b.high[32 * half + i % 32] >> (2 * within) & 3) << 4;
  }
  for (int s = 0; s < 16; ++s) to.units[s / 2].scale[s % 2] = static_cast<uint8_t>(b.scales[s]);
  *to.record = {b.d, 0};
}
void take(const BlockIQ4_XS& b, const Place& to) {
  const auto scales = iq4_xs_scales(b);
  for (size_t s = 0; s < 8; ++s) {
    take_nibbles(b.quants + 16 * s, to.values + 32 * s);
    to.units[s].scale[0] = static_cast<uint8_t>(scales[s]);
  }
  *to.record = {b.d, 0};
}

template <class Block>
requires requires(const Block& b, CodedBlock& out) { take_codes(b, out); }
void take(const Block& b, const Place& to) {
  CodedBlock coded;
  take_codes(b, coded);
  for (int i = 0; i < 256; ++i) to.values[i] = coded.codes[i];
  for (int s = 0; s < 16; ++s) to.units[s / 2].scale[s % 2] = coded.scales[s];
  *to.record = {coded.d, 0};
}

template <class Block, int kValues>
void take_blocks(const std::byte* row, int cols, RowQuants& out) {
  for (int i = 0; i < cols / kValues; ++i) {
    Block block;
    std::memcpy(&block, row + static_cast<size_t>(i) * sizeof block, sizeof block);
    take(block, {&out.values[static_cast<size_t>(i) * kValues],
                 &out.units[static_cast<size_t>(i) * (kValues / 32)], &out.records[static_cast<size_t>(i)]});
  }
}

}  // namespace

const TileFormat& tile_format(Format format) {
#define FERRUM_TILES(format, columns, name) \
  { format, columns, "multiply_" name "_8", "multiply_" name "_32", "multiply_" name "_64", "embed_" name }
  static constexpr std::array<TileFormat, kFormatCount> kAll = {{
      FERRUM_TILES(kTileF32, 32, "f32"),
      FERRUM_TILES(kTileF16, 32, "f16"),
      FERRUM_TILES(kTileBf16, 32, "bf16"),
      FERRUM_TILES(kTileQ4_0, 32, "q4_0"),
      FERRUM_TILES(kTileQ4_1, 32, "q4_1"),
      FERRUM_TILES(kTileQ5_0, 32, "q5_0"),
      FERRUM_TILES(kTileQ5_1, 32, "q5_1"),
      FERRUM_TILES(kTileQ8_0, 32, "q8_0"),
      FERRUM_TILES(kTileQ2_K, 256, "q2_k"),
      FERRUM_TILES(kTileQ3_K, 256, "q3_k"),
      FERRUM_TILES(kTileQ4_K, 256, "q4_k"),
      FERRUM_TILES(kTileQ5_K, 256, "q5_k"),
      FERRUM_TILES(kTileQ6_K, 256, "q6_k"),
      FERRUM_TILES(kTileIq4Nl, 32, "iq4_nl"),
      FERRUM_TILES(kTileIq4Xs, 256, "iq4_xs"),
      FERRUM_TILES(kTileMxfp4, 32, "mxfp4"),
      FERRUM_TILES(kTileIq1, 256, "iq1"),
      FERRUM_TILES(kTileIq1, 256, "iq1"),
      FERRUM_TILES(kTileIq2, 256, "iq2"),
      FERRUM_TILES(kTileIq2, 256, "iq2"),
      FERRUM_TILES(kTileIq2, 256, "iq2"),
      FERRUM_TILES(kTileIq3Xxs, 256, "iq3_xxs"),
      FERRUM_TILES(kTileIq3S, 256, "iq3_s"),
      FERRUM_TILES(kTileTernary, 256, "ternary"),
      FERRUM_TILES(kTileTernary, 256, "ternary"),
      FERRUM_TILES(kTileG4, 32, "g4"),
      FERRUM_TILES(kTileG4, 64, "g4"),
      FERRUM_TILES(kTileG4, 128, "g4"),
  }};
#undef FERRUM_TILES
  static_assert(static_cast<int>(Format::kIQ4_XS) == 14 && static_cast<int>(Format::kTQ2_0) == 24 &&
                static_cast<int>(Format::kG4_128) == kFormatCount - 1);
  return kAll[static_cast<size_t>(format)];
}

void take_apart(Format format, const std::byte* row, int cols, RowQuants& out) {
  const size_t units = (static_cast<size_t>(cols) + 31) / 32;
  out.values.assign(units * 32, 0);
  out.units.assign(units, {});
  out.records.assign(units, {});
  switch (format) {
    case Format::kF32:
      std::memcpy(out.values.data(), row, static_cast<size_t>(cols) * 4);
      return;
    case Format::kF16:
    case Format::kBF16:
      for (int i = 0; i < cols; ++i) {
        uint16_t bits;
        std::memcpy(&bits, row + 2 * i, 2);
        out.values[static_cast<size_t>(i)] = bits;
      }
      return;
    case Format::kQ4_0:
      return take_blocks<BlockQ4_0, 32>(row, cols, out);
    case Format::kQ4_1:
      return take_blocks<BlockQ4_1, 32>(row, cols, out);
    case Format::kQ5_0:
      return take_blocks<BlockQ5_0, 32>(row, cols, out);
    case Format::kQ5_1:
      return take_blocks<BlockQ5_1, 32>(row, cols, out);
    case Format::kQ8_0:
      return take_blocks<BlockQ8_0, 32>(row, cols, out);
    case Format::kQ2_K:
      return take_blocks<BlockQ2_K, 256>(row, cols, out);
    case Format::kQ3_K:
      return take_blocks<BlockQ3_K, 256>(row, cols, out);
    case Format::kQ4_K:
      return take_blocks<BlockQ4_K, 256>(row, cols, out);
    case Format::kQ5_K:
      return take_blocks<BlockQ5_K, 256>(row, cols, out);
    case Format::kQ6_K:
      return take_blocks<BlockQ6_K, 256>(row, cols, out);
    case Format::kIQ4_NL:
      return take_blocks<BlockIQ4_NL, 32>(row, cols, out);
    case Format::kIQ4_XS:
      return take_blocks<BlockIQ4_XS, 256>(row, cols, out);
    case Format::kMXFP4:
      return take_blocks<BlockMXFP4, 32>(row, cols, out);
    case Format::kIQ1_S:
      return take_blocks<BlockIQ1_S, 256>(row, cols, out);
    case Format::kIQ1_M:
      return take_blocks<BlockIQ1_M, 256>(row, cols, out);
    case Format::kIQ2_XXS:
      return take_blocks<BlockIQ2_XXS, 256>(row, cols, out);
    case Format::kIQ2_XS:
      return take_blocks<BlockIQ2_XS, 256>(row, cols, out);
    case Format::kIQ2_S:
      return take_blocks<BlockIQ2_S, 256>(row, cols, out);
    case Format::kIQ3_XXS:
      return take_blocks<BlockIQ3_XXS, 256>(row, cols, out);
    case Format::kIQ3_S:
      return take_blocks<BlockIQ3_S, 256>(row, cols, out);
    case Format::kTQ1_0:
      return take_blocks<BlockTQ1_0, 256>(row, cols, out);
    case Format::kTQ2_0:
      return take_blocks<BlockTQ2_0, 256>(row, cols, out);
    case Format::kG4_32:
      return take_blocks<BlockG4_32, 32>(row, cols, out);
    case Format::kG4_64:
      return take_blocks<BlockG4_64, 64>(row, cols, out);
    case Format::kG4_128:
      return take_blocks<BlockG4_128, 128>(row, cols, out);
  }
}

}  // namespace ferrum::cuda
