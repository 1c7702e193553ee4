// What the IQ1, IQ2, IQ3 and TQ formats have in common: a block of 256 values is a code of three or four bits
// for each value, into a table of whole numbers that all blocks of the format share, and a scale.
//
//   value i = d × unit × scales[i / 16] × numbers[codes[i]]
//
// Files store codes more tightly than that, most of them as points of a grid. Kernels keep the codes.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/format.h"
#include "tensor/formats/blocks.h"

namespace ferrum::formats {

// Plain arrays, since the code that packs panels must not instantiate anything: see backend/cpu/kernels.h.
struct CodedBlock {
  uint16_t d;          // binary16
  uint8_t scales[16];  // of 16 values each: odd numbers, 1 … 31
  uint8_t codes[256];
};

struct CodeTable {
  int bits = 0;             // of a code: 3 or 4
  float unit = 1;           // a power of two
  int8_t numbers[16] = {};  // by code; 0 where no value has the code. Below 64 in magnitude.
};

// Null for the formats that are not of this kind.
const CodeTable* code_table(Format format);

void take_codes(const BlockIQ1_S& block, CodedBlock& out);
void take_codes(const BlockIQ1_M& block, CodedBlock& out);
void take_codes(const BlockIQ2_XXS& block, CodedBlock& out);
void take_codes(const BlockIQ2_XS& block, CodedBlock& out);
void take_codes(const BlockIQ2_S& block, CodedBlock& out);
void take_codes(const BlockIQ3_XXS& block, CodedBlock& out);
void take_codes(const BlockIQ3_S& block, CodedBlock& out);
void take_codes(const BlockTQ1_0& block, CodedBlock& out);
void take_codes(const BlockTQ2_0& block, CodedBlock& out);

// By code: the number of the grid's point, and a fourth bit (of three-bit codes the third) for the sign.
inline constexpr CodeTable kIq1Codes = {.bits = 3, .unit = 0.125f, .numbers = {-7, 1, 9, 0, -9, -1, 7, 0}};
inline constexpr CodeTable kIq2Codes = {
    .bits = 3, .unit = 0.125f, .numbers = {8, 25, 43, 0, -8, -25, -43, 0}};
inline constexpr CodeTable kIq3XxsCodes = {
    .bits = 4,
    .unit = 0.25f,
    .numbers = {4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62}};
inline constexpr CodeTable kIq3SCodes = {
    .bits = 4, .numbers = {1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15}};
inline constexpr CodeTable kTernaryCodes = {.bits = 3, .numbers = {-1, 0, 1, 2}};

// The signs of eight values, a bit each. The formats that store seven have an even number of minuses.
constexpr unsigned eight_signs(unsigned seven) {
  return seven | (0x6996u >> ((seven ^ seven >> 4) & 15) & 1) << 7;  // bit n of the constant: the parity of n
}

float scale_of(const CodedBlock& block, const CodeTable& table);  // d × unit, which is exact

// Byte i has bit i of eight.
constexpr uint64_t spread_bits(unsigned eight) {
  const uint64_t in_place = eight * 0x0101010101010101u & 0x8040201008040201u;
  return (in_place + 0x00406070787C7E7Fu) >> 7 & 0x0101010101010101u;
}

void decode_codes(const CodedBlock& block, const CodeTable& table, float* out);

template <class Block>
void decode_coded_blocks(const std::byte* blocks, const CodeTable& table, float* out, size_t count) {
  CodedBlock coded;
  for (const Block& block : blocks_in<Block, kSuperBlock>(blocks, count)) {
    take_codes(block, coded);
    decode_codes(coded, table, out);
    out += kSuperBlock;
  }
}

}  // namespace ferrum::formats
