// The block layouts of the quantised formats, byte for byte as in GGUF files (little-endian, no padding).
// BlockG4 is our own and occurs in no file.
//
// Source: ggml's definitions (ggml-common.h, ggml-quants.c; gguf-py/gguf/quants.py). MXFP4: OCP Microscaling
// Formats specification 1.0. Each format's own file explains the bits above its decoder.
//
// In every format here the products (scale × sub-block scale × value) are exact in float32, so a decoded
// value is rounded at most once, when a minimum is added. The order of multiplication and contraction to FMA
// change nothing.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ferrum::formats {

static_assert(std::endian::native == std::endian::little, "blocks are read in place");

inline constexpr int kSmallBlock = 32;  // values of a block of the simple formats
inline constexpr int kSuperBlock =
    256;  // values of a block of the K formats, IQ4_XS and the coded formats (coded.h)

// Blocks may be at any address in a file, so they have no alignment. 16-bit fields named d, dmin or m are
// binary16.
struct [[gnu::packed]] BlockQ4_0 {
  uint16_t d;
  uint8_t quants[16];  // byte j: value j low, value j + 16 high
};
struct [[gnu::packed]] BlockQ4_1 {
  uint16_t d;
  uint16_t m;
  uint8_t quants[16];
};
struct [[gnu::packed]] BlockQ5_0 {
  uint16_t d;
  uint32_t high_bits;  // bit i: the fifth bit of value i
  uint8_t quants[16];
};
struct [[gnu::packed]] BlockQ5_1 {
  uint16_t d;
  uint16_t m;
  uint32_t high_bits;
  uint8_t quants[16];
};
struct [[gnu::packed]] BlockQ8_0 {
  uint16_t d;
  int8_t quants[32];
};
struct [[gnu::packed]] BlockQ2_K {
  uint8_t scales[16];  // of 16 values each: scale low, minimum high
  uint8_t quants[64];  // two bits each
  uint16_t d;
  uint16_t dmin;
};
struct [[gnu::packed]] BlockQ3_K {
  uint8_t high_bits[32];  // byte j, bit b: the third bit of value 32 b + j
  uint8_t quants[64];     // the lower two bits
  uint8_t scales[12];     // 16 of six bits: see q3_k_scales
  uint16_t d;
};
struct [[gnu::packed]] BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];  // 8 scales and 8 minima of six bits: see scales_and_mins
  uint8_t quants[128];
};
struct [[gnu::packed]] BlockQ5_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t high_bits[32];  // byte j, bit b: the fifth bit of value 32 b + j
  uint8_t quants[128];
};
struct [[gnu::packed]] BlockQ6_K {
  uint8_t low[128];   // the lower four bits
  uint8_t high[64];   // the upper two
  int8_t scales[16];  // of 16 values each
  uint16_t d;
};
struct [[gnu::packed]] BlockIQ4_NL {
  uint16_t d;
  uint8_t quants[16];  // indices into kIq4Values, placed as in Q4_0
};
struct [[gnu::packed]] BlockIQ4_XS {
  uint16_t d;
  uint16_t scales_high;   // two bits for each of the 8 sub-blocks
  uint8_t scales_low[4];  // four bits for each
  uint8_t quants[128];    // 16 bytes for each, placed as in Q4_0
};
struct [[gnu::packed]] BlockIQ1_S {
  uint16_t d;
  uint8_t points[32];  // of eight values each, here and below; in IQ3 of four
  uint16_t parts[8];
};
struct [[gnu::packed]] BlockIQ1_M {
  uint8_t points[32];
  uint8_t points_high[16];
  uint16_t scales[4];  // and d
};
struct [[gnu::packed]] BlockIQ2_XXS {
  struct [[gnu::packed]] Part {
    uint8_t points[4];
    uint32_t signs_and_scale;
  };
  uint16_t d;
  Part parts[8];
};
struct [[gnu::packed]] BlockIQ2_XS {
  uint16_t d;
  uint16_t points[32];  // and their signs
  uint8_t scales[8];
};
struct [[gnu::packed]] BlockIQ2_S {
  uint16_t d;
  uint8_t points[32];
  uint8_t signs[32];
  uint8_t points_high[8];
  uint8_t scales[8];
};
struct [[gnu::packed]] BlockIQ3_XXS {
  uint16_t d;
  uint8_t points[64];
  uint32_t signs_and_scales[8];
};
struct [[gnu::packed]] BlockIQ3_S {
  uint16_t d;
  uint8_t points[64];
  uint8_t points_high[8];
  uint8_t signs[32];
  uint8_t scales[4];
};
struct [[gnu::packed]] BlockTQ1_0 {
  uint8_t fives[48];
  uint8_t fours[4];
  uint16_t d;
};
struct [[gnu::packed]] BlockTQ2_0 {
  uint8_t quants[64];
  uint16_t d;
};
struct [[gnu::packed]] BlockMXFP4 {
  uint8_t exponent;    // E8M0: the scale is 2^(exponent − 127)
  uint8_t quants[16];  // E2M1 values, placed as in Q4_0
};
// A group of consecutive 4-bit integers as GPTQ and AWQ quantise them, with its scale and zero point.
template <int kValues>
struct [[gnu::packed]] BlockG4 {
  uint16_t d;
  uint8_t zero;
  uint8_t quants[kValues / 2];  // 16 bytes for every 32 values, placed as in Q4_0
};
using BlockG4_32 = BlockG4<32>;
using BlockG4_64 = BlockG4<64>;
using BlockG4_128 = BlockG4<128>;

static_assert(sizeof(BlockQ4_0) == 18);
static_assert(sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24);
static_assert(sizeof(BlockQ8_0) == 34);
static_assert(sizeof(BlockQ2_K) == 84);
static_assert(sizeof(BlockQ3_K) == 110);
static_assert(sizeof(BlockQ4_K) == 144);
static_assert(sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210);
static_assert(sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockIQ4_XS) == 136);
static_assert(sizeof(BlockIQ1_S) == 50);
static_assert(sizeof(BlockIQ1_M) == 56);
static_assert(sizeof(BlockIQ2_XXS) == 66);
static_assert(sizeof(BlockIQ2_XS) == 74);
static_assert(sizeof(BlockIQ2_S) == 82);
static_assert(sizeof(BlockIQ3_XXS) == 98);
static_assert(sizeof(BlockIQ3_S) == 110);
static_assert(sizeof(BlockTQ1_0) == 54);
static_assert(sizeof(BlockTQ2_0) == 66);
static_assert(sizeof(BlockMXFP4) == 17);
static_assert(sizeof(BlockG4_32) == 19);
static_assert(sizeof(BlockG4_64) == 35);
static_assert(sizeof(BlockG4_128) == 67);

// The values of IQ4_NL and IQ4_XS by their four bits: denser near zero, where most weights are.
inline constexpr std::array<int8_t, 16> kIq4Values = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

// Twice the E2M1 values, which are integers. Multiply by mxfp4_half_scale.
inline constexpr std::array<int8_t, 16> kMxfp4DoubledValues = {0, 1,  2,  3,  4,  6,  8,  12,
                                                               0, -1, -2, -3, -4, -6, -8, -12};

// 2^(exponent − 128): half of the block's scale. Subnormal for exponents 0 and 1. Exponent 255, which OCP
// calls NaN, is 2^127 here as it is in ggml.
constexpr float mxfp4_half_scale(uint8_t exponent) {
  const uint32_t bits = exponent < 2 ? uint32_t{0x00200000} << exponent : (uint32_t{exponent} - 1) << 23;
  return std::bit_cast<float>(bits);
}

// The scales and minima of the 8 sub-blocks of Q4_K and Q5_K, 0 … 63 each.
// Bytes 0–3 hold scales 0–3 and bytes 4–7 minima 0–3 in their lower six bits; bytes 8–11 hold the lower four
// bits of scale 4–7 (low) and minimum 4–7 (high), whose upper two bits are the top bits of bytes 0–3 and 4–7.
struct ScalesAndMins {
  std::array<uint8_t, 8> scales;
  std::array<uint8_t, 8> mins;
};
constexpr ScalesAndMins scales_and_mins(const uint8_t (&packed)[12]) {
  ScalesAndMins out{};
  for (int i = 0; i < 4; ++i) {
    out.scales[i] = packed[i] & 63;
    out.mins[i] = packed[4 + i] & 63;
    out.scales[4 + i] = static_cast<uint8_t>((packed[8 + i] & 15) | (packed[i] >> 6) << 4);
    out.mins[4 + i] = static_cast<uint8_t>((packed[8 + i] >> 4) | (packed[4 + i] >> 6) << 4);
  }
  return out;
}

// The scales of the 16 sub-blocks of Q3_K, −32 … 31 each.
// Bytes 0–7 hold the lower four bits of scale i (low) and i + 8 (high); bits 2k, 2k + 1 of byte 8 + i are the
// upper two of scale 4k + i.
constexpr std::array<int8_t, 16> q3_k_scales(const uint8_t (&packed)[12]) {
  std::array<int8_t, 16> out{};
  for (int i = 0; i < 16; ++i) {
    const int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
    const int high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
    out[i] = static_cast<int8_t>((low | high << 4) - 32);
  }
  return out;
}

// The scales of the 8 sub-blocks of IQ4_XS, −32 … 31 each.
constexpr std::array<int8_t, 8> iq4_xs_scales(const BlockIQ4_XS& block) {
  std::array<int8_t, 8> out{};
  for (int i = 0; i < 8; ++i) {
    const int low = (block.scales_low[i / 2] >> (4 * (i % 2))) & 15;
    const int high = (block.scales_high >> (2 * i)) & 3;
    out[i] = static_cast<int8_t>((low | high << 4) - 32);
  }
  return out;
}

// The blocks that hold `count` values, a whole number of blocks.
template <class Block, int kValues>
std::span<const Block> blocks_in(const std::byte* data, size_t count) {
  return {reinterpret_cast<const Block*>(data), count / kValues};
}

}  // namespace ferrum::formats
