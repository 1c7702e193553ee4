// Weights on the device: tiles of 16 rows × 32 columns, in the order in which the lanes of a warp need them
// as the first operand of mma.m16n8k16. So a product reads them straight into registers, each tile as one run
// of bytes.
//
// Lane l of a tile has 16 values, of rows g and g + 8 with g = l / 4, and columns by t = l % 4. Value v is
//   row g + 8 (v / 2 % 2), column 16 (v / 8) + 2 t + v % 2 + 8 (v / 4 % 2)
// that is, eight pairs: four for each step of 16 columns. A value is s · q + m, with q a small whole number.
//
//   quants   [groups, row tiles, units, 32 lanes] of low_bits × 2 bytes; a unit is 32 columns
//     32     float32, [2 steps, 2, 32 lanes, 4] words: the first and the last two pairs of a step
//     16     f16 or bf16, [2 steps, 32 lanes, 4 pairs]
//     8      one byte a value, in order
//     4      word `step`: pair j has bits 4 j … and 16 + 4 j …
//     2      one word: pair j of eight has bits 2 j … and 16 + 2 j …
//   high     the bits above those, [.., 32 lanes] of high_bits × 2 bytes, placed likewise
//   records  [groups, row tiles, records, 8 g] of D(g), D(g + 8) and where there are minima M(g), M(g + 8):
//   f16 or bf16 subs     [groups, row tiles, units, 8 g] of bytes: for each part of a unit that has its own
//   the scales of g and g + 8, then
//            for each the minima
//   s = D · scale, m = M · minimum; what is left out is 1, without M it is −D, and without either m is 0
#pragma once
#include <cstdint>

namespace ferrum::cuda {

enum class Values : uint8_t { kF32, kF16, kBf16, kWhole, kSigned, kIq4, kMxfp4, kIq1, kIq2, kIq3Xxs, kIq3S };

struct QuantFormat {
  int low_bits = 0;
  int high_bits = 0;
  int offset = 0;  // taken from a whole number
  Values values = Values::kWhole;
  int per_scale = 32;                                                               // columns
  bool has_scales = false, has_minima = false, has_m = false, is_exponent = false;  // D is bf16

  constexpr bool is_float() const {
    return values == Values::kF32 || values == Values::kF16 || values == Values::kBf16;
  }
  constexpr bool has_minimum() const { return has_minima || has_m; }
  constexpr int sub_bytes() const {
    return (32 / per_scale) * 2 * (int{has_scales} + int{has_minima});
  }                                                                              // of each g
  constexpr int record_bytes() const { return is_float() ? 0 : has_m ? 8 : 4; }  // of each g
};

inline constexpr QuantFormat kTileF32 = {.low_bits = 32, .values = Values::kF32};
inline constexpr QuantFormat kTileF16 = {.low_bits = 16, .values = Values::kF16};
inline constexpr QuantFormat kTileBf16 = {.low_bits = 16, .values = Values::kBf16};
inline constexpr QuantFormat kTileQ4_0 = {.low_bits = 4, .offset = 8};
inline constexpr QuantFormat kTileQ4_1 = {.low_bits = 4, .has_m = true};
inline constexpr QuantFormat kTileQ5_0 = {.low_bits = 4, .high_bits = 1, .offset = 16};
inline constexpr QuantFormat kTileQ5_1 = {.low_bits = 4, .high_bits = 1, .has_m = true};
inline constexpr QuantFormat kTileQ8_0 = {.low_bits = 8, .values = Values::kSigned};
inline constexpr QuantFormat kTileQ2_K = {
    .low_bits = 2, .per_scale = 16, .has_scales = true, .has_minima = true, .has_m = true};
inline constexpr QuantFormat kTileQ3_K = {
    .low_bits = 2, .high_bits = 1, .offset = 4, .per_scale = 16, .has_scales = true};
inline constexpr QuantFormat kTileQ4_K = {
    .low_bits = 4, .has_scales = true, .has_minima = true, .has_m = true};
inline constexpr QuantFormat kTileQ5_K = {
    .low_bits = 4, .high_bits = 1, .has_scales = true, .has_minima = true, .has_m = true};
inline constexpr QuantFormat kTileQ6_K = {
    .low_bits = 4, .high_bits = 2, .offset = 32, .per_scale = 16, .has_scales = true};
inline constexpr QuantFormat kTileIq4Nl = {.low_bits = 4, .values = Values::kIq4};
inline constexpr QuantFormat kTileIq4Xs = {.low_bits = 4, .values = Values::kIq4, .has_scales = true};
inline constexpr QuantFormat kTileMxfp4 = {.low_bits = 4, .values = Values::kMxfp4, .is_exponent = true};
// Codes into the tables of tensor/formats/coded.h.
inline constexpr QuantFormat kTileIq1 = {
    .low_bits = 2, .high_bits = 1, .values = Values::kIq1, .per_scale = 16, .has_scales = true};
inline constexpr QuantFormat kTileIq2 = {
    .low_bits = 2, .high_bits = 1, .values = Values::kIq2, .per_scale = 16, .has_scales = true};
inline constexpr QuantFormat kTileIq3Xxs = {.low_bits = 4, .values = Values::kIq3Xxs, .has_scales = true};
inline constexpr QuantFormat kTileIq3S = {.low_bits = 4, .values = Values::kIq3S, .has_scales = true};
inline constexpr QuantFormat kTileTernary = {.low_bits = 2, .offset = 1};
inline constexpr QuantFormat kTileG4 = {.low_bits = 4, .has_minima = true};

// A segment of a weight: rows of one format.
struct TiledWeight {
  const unsigned char* quants;
  const unsigned char* high;
  const unsigned char* records;
  const unsigned char* subs;
  int rows;       // of a group
  int row_tiles;  // of a group
  int units;      // of a row
  int units_per_record;
  int records_per_tile;  // of rows

  constexpr int64_t tile(int group, int row_tile, int unit) const {
    return (int64_t{group} * row_tiles + row_tile) * units + unit;
  }
  constexpr int64_t record(int group, int row_tile, int unit) const {
    return (int64_t{group} * row_tiles + row_tile) * records_per_tile + unit / units_per_record;
  }
};

}  // namespace ferrum::cuda
