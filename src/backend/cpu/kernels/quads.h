// The layout of each format's quants in a packed panel, and how a register of them is extracted.
//
// A quad is four adjacent columns of a row: four bytes in the row's lane. A block of 32 columns has eight.
// Formats of fewer than 8 bits put several quads into one register, at the same bits of each byte, so that a
// shift and a mask extract one:
//   4 bits: register j holds quad j low and quad j + 4 high
//   2 bits: register j holds quads 4j … 4j + 3, from the lowest bits up
//   1 bit:  one register; bit i is of quad i
//
// kMost is the largest quant, as an unsigned byte.
#pragma once
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

constexpr int log2_of(int n) { return n <= 1 ? 0 : 1 + log2_of(n / 2); }

// Shifts left by a positive number of bits, right by a negative one; the caller masks the bits moved in.
inline I32 shifted(I32 v, int bits) { return bits >= 0 ? v << bits : v >> -bits; }

inline I32 nibble_quad(const uint8_t* block, int i) {
  return shifted(load_register(block + i % 4 * kRegister), i < 4 ? 0 : -4) & 0x0F0F0F0F;
}

struct ByteQuads {
  static constexpr int kRegisters = 8;
  static constexpr int kMost = 255;
  static I32 quad(const uint8_t* block, int i) { return load_register(block + i * kRegister); }
};

struct NibbleQuads {
  static constexpr int kRegisters = 4;
  static constexpr int kMost = 15;
  static I32 quad(const uint8_t* block, int i) { return nibble_quad(block, i); }
};

struct FiveBitQuads {
  static constexpr int kRegisters = 5;
  static constexpr int kMost = 31;
  static I32 quad(const uint8_t* block, int i) {
    return nibble_quad(block, i) | (shifted(load_register(block + 4 * kRegister), 4 - i) & 0x10101010);
  }
};

struct SixBitQuads {
  static constexpr int kRegisters = 6;
  static constexpr int kMost = 63;
  static I32 quad(const uint8_t* block, int i) {
    const I32 high = load_register(block + (4 + i / 4) * kRegister);
    return nibble_quad(block, i) | (shifted(high, 4 - 2 * (i % 4)) & 0x30303030);
  }
};

struct TwoBitQuads {
  static constexpr int kRegisters = 2;
  static constexpr int kMost = 3;
  static I32 quad(const uint8_t* block, int i) {
    return shifted(load_register(block + i / 4 * kRegister), -2 * (i % 4)) & 0x03030303;
  }
};

struct ThreeBitQuads {
  static constexpr int kRegisters = 3;
  static constexpr int kMost = 7;
  static I32 quad(const uint8_t* block, int i) {
    return TwoBitQuads::quad(block, i) | (shifted(load_register(block + 2 * kRegister), 2 - i) & 0x04040404);
  }
};

// Tables of 16 bytes, or of 8 for indices below 8, in each 16 bytes of a register.
inline I32 table_of_16(const uint8_t* entries) {
#if defined(__AVX512BW__)
  return reinterpret_cast<I32>(
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(entries))));
#elif defined(__AVX2__)
  return reinterpret_cast<I32>(
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(entries))));
#else
  static_assert(kRegister == 16);
  return load_register(entries);
#endif
}
inline I32 table_of_8(const uint8_t* entries) {
  typedef int64_t Twos __attribute__((vector_size(kRegister)));
  int64_t all;
  __builtin_memcpy(&all, entries, sizeof all);
  return reinterpret_cast<I32>(Twos{} + all);
}

// Replaces each byte of `indices`, below 16, by that entry of the table.
inline I32 look_up(I32 table, I32 indices) {
#if defined(__AVX512BW__)
  return reinterpret_cast<I32>(
      _mm512_shuffle_epi8(reinterpret_cast<__m512i>(table), reinterpret_cast<__m512i>(indices)));
#elif defined(__AVX2__)
  return reinterpret_cast<I32>(
      _mm256_shuffle_epi8(reinterpret_cast<__m256i>(table), reinterpret_cast<__m256i>(indices)));
#elif defined(FERRUM_NEON)
  return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(table), vreinterpretq_u8_s32(indices)));
#else
  uint8_t entries[kRegister];
  uint8_t bytes[kRegister];
  store_register(entries, table);
  store_register(bytes, indices);
  for (uint8_t& byte : bytes) byte = entries[byte];
  return load_register(bytes);
#endif
}

// Entries of formats::kIq4Values; as unsigned bytes where the offset is subtracted later.
struct Iq4Quads {
  static constexpr int kRegisters = 4;
  static constexpr int kMost = 255;
  static I32 quad(const uint8_t* block, int i) {
    constexpr int o = kWideOffset;
    alignas(16) static constexpr uint8_t kTable[16] = {
        static_cast<uint8_t>(o - 127), static_cast<uint8_t>(o - 104), static_cast<uint8_t>(o - 83),
        static_cast<uint8_t>(o - 65),  static_cast<uint8_t>(o - 49),  static_cast<uint8_t>(o - 35),
        static_cast<uint8_t>(o - 22),  static_cast<uint8_t>(o - 10),  static_cast<uint8_t>(o + 1),
        static_cast<uint8_t>(o + 13),  static_cast<uint8_t>(o + 25),  static_cast<uint8_t>(o + 38),
        static_cast<uint8_t>(o + 53),  static_cast<uint8_t>(o + 69),  static_cast<uint8_t>(o + 89),
        static_cast<uint8_t>(o + 113)};
    return look_up(table_of_16(kTable), nibble_quad(block, i));
  }
};

// Entries of formats::kMxfp4DoubledValues, plus 16.
struct Mxfp4Quads {
  static constexpr int kRegisters = 4;
  static constexpr int kMost = 28;
  static I32 quad(const uint8_t* block, int i) {
    alignas(16) static constexpr uint8_t kTable[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                                       16, 15, 14, 13, 12, 10, 8,  4};
    return look_up(table_of_16(kTable), nibble_quad(block, i));
  }
};

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
