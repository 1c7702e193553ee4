// Rows in blocks of 32 values, unpacked to bytes: value = scale × quant + offset. Layouts:
// tensor/formats/blocks.h.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/nibbles.h"
#include "backend/cpu/kernels/simd.h"
#include "tensor/formats/blocks.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using namespace formats;

// `one(block, quants)` writes a block's 32 quants and returns its scale and offset. A row's columns are whole
// blocks, but maybe no whole spans: what is behind them is zeroed.
struct Affine {
  float scale;
  float offset;
};
template <class Block, class One>
inline void unpack_blocks(const uint8_t* row, int cols, const UnpackedRow& out, const One& one) {
  const auto* blocks = reinterpret_cast<const Block*>(row);
  const int count = cols / kSmallBlock;
  for (int b = 0; b < count; ++b) {
    const Affine affine = one(blocks[b], out.quants + b * kSmallBlock);
    out.scales[2 * b] = out.scales[2 * b + 1] = affine.scale;
    out.offsets[2 * b] = out.offsets[2 * b + 1] = affine.offset;
  }
  for (int b = count; b % (kSpan / kSmallBlock) != 0; ++b) {
    __builtin_memset(out.quants + b * kSmallBlock, 0, kSmallBlock);
    out.scales[2 * b] = out.scales[2 * b + 1] = out.offsets[2 * b] = out.offsets[2 * b + 1] = 0;
  }
}

inline void unpack_nibbles(const uint8_t* nibbles, uint8_t* quants) {
  for (int i = 0; i < 16; ++i) {
    quants[i] = nibbles[i] & 15;
    quants[16 + i] = nibbles[i] >> 4;
  }
}

// With bit i of `high` as the fifth bit of value i.
inline void unpack_five_bits(const uint8_t* nibbles, uint32_t high, uint8_t* quants) {
  unpack_nibbles(nibbles, quants);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants));
  const __m256i fifth = _mm256_maskz_mov_epi8(high, _mm256_set1_epi8(16));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants), _mm256_or_si256(low, fifth));
#else
  for (int byte = 0; byte < 4; ++byte)
    for (int bit = 0; bit < 8; ++bit)
      quants[8 * byte + bit] |= static_cast<uint8_t>((high >> (8 * byte) & (1u << bit)) != 0 ? 16 : 0);
#endif
}

constexpr int kWideShift = kWideQuantsAreSigned ? 0 : 128;

}  // namespace

void unpack_q4_0(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ4_0>(row, cols, out, [](const BlockQ4_0& block, uint8_t* quants) {
    unpack_nibbles(block.quants, quants);
    const float d = from_f16(block.d);
    return Affine{d, -8 * d};
  });
}

void unpack_q4_1(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ4_1>(row, cols, out, [](const BlockQ4_1& block, uint8_t* quants) {
    unpack_nibbles(block.quants, quants);
    return Affine{from_f16(block.d), from_f16(block.m)};
  });
}

void unpack_q5_0(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ5_0>(row, cols, out, [](const BlockQ5_0& block, uint8_t* quants) {
    unpack_five_bits(block.quants, block.high_bits, quants);
    const float d = from_f16(block.d);
    return Affine{d, -16 * d};
  });
}

void unpack_q5_1(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ5_1>(row, cols, out, [](const BlockQ5_1& block, uint8_t* quants) {
    unpack_five_bits(block.quants, block.high_bits, quants);
    return Affine{from_f16(block.d), from_f16(block.m)};
  });
}

void unpack_q8_0(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ8_0>(row, cols, out, [](const BlockQ8_0& block, uint8_t* quants) {
    for (int i = 0; i < 32; ++i) quants[i] = static_cast<uint8_t>(block.quants[i]) ^ kWideShift;
    const float d = from_f16(block.d);
    return Affine{d, -kWideShift * d};
  });
}

void unpack_iq4_nl(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockIQ4_NL>(row, cols, out, [](const BlockIQ4_NL& block, uint8_t* quants) {
    look_up_nibbles(block.quants, reinterpret_cast<const int8_t*>(&kIq4Values), kWideShift, quants);
    const float d = from_f16(block.d);
    return Affine{d, -kWideShift * d};
  });
}

void unpack_mxfp4(const uint8_t* row, int cols, const UnpackedRow& out) {
  constexpr int kShift = 12;  // of the table's −12 … 12
  unpack_blocks<BlockMXFP4>(row, cols, out, [](const BlockMXFP4& block, uint8_t* quants) {
    look_up_nibbles(block.quants, reinterpret_cast<const int8_t*>(&kMxfp4DoubledValues), kShift, quants);
    // 2^(exponent − 128): see mxfp4_half_scale, which is inline and so not for kernels.
    const uint32_t exponent = block.exponent;
    const uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23;
    float scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    return Affine{scale, -kShift * scale};
  });
}

}  // namespace ferrum::cpu::FERRUM_ISA
