// Rows in blocks of 32 values, unpacked to bytes: value = scale × quant + offset. Layouts:
// tensor/formats/blocks.h.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/nibbles.h"
#include "backend/cpu/kernels/simd.h"
#include "tensor/formats/blocks.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using namespace formats;

constexpr int kBlocks = kSpan / kSmallBlock;  // of a span

// Writes eight values, each twice.
inline void store_doubled(const float* values, float* to) {
#if defined(__AVX512F__)
  const __m512i pairs = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512 eight = _mm512_castps256_ps512(_mm256_loadu_ps(values));
  _mm512_storeu_ps(to, _mm512_permutexvar_ps(pairs, eight));
#else
  for (int b = 0; b < kBlocks; ++b) to[2 * b] = to[2 * b + 1] = values[b];
#endif
}

// Eight halves that lie `stride` bytes apart, in float32.
inline void load_halves(const uint8_t* halves, size_t stride, float* to) {
  uint16_t bits[kBlocks];
#if defined(__AVX2__)
  for (int b = 0; b < kBlocks; ++b) __builtin_memcpy(&bits[b], halves + static_cast<size_t>(b) * stride, 2);
  const __m128i packed =
      _mm_setr_epi16(static_cast<short>(bits[0]), static_cast<short>(bits[1]), static_cast<short>(bits[2]),
                     static_cast<short>(bits[3]), static_cast<short>(bits[4]), static_cast<short>(bits[5]),
                     static_cast<short>(bits[6]), static_cast<short>(bits[7]));
  _mm256_storeu_ps(to, _mm256_cvtph_ps(packed));
#else
  for (int b = 0; b < kBlocks; ++b) {
    __builtin_memcpy(&bits[b], halves + static_cast<size_t>(b) * stride, 2);
    to[b] = from_f16(bits[b]);
  }
#endif
}

// `quants(block, to)` writes a block's 32 quants; `scales(blocks, scale, offset)` reads those of eight
// blocks. A row's columns are whole blocks but maybe no whole spans: then the last blocks go through a copy
// padded with zeros.
template <class Block, class Quants, class Scales>
inline void unpack_blocks(const uint8_t* row, int cols, const UnpackedRow& out, const Quants& quants,
                          const Scales& scales) {
  const auto* blocks = reinterpret_cast<const Block*>(row);
  const int count = cols / kSmallBlock;
  Block padded[kBlocks];
  for (int first = 0; first < count; first += kBlocks) {
    const Block* span = blocks + first;
    const int here = count - first < kBlocks ? count - first : kBlocks;
    if (here < kBlocks) {
      __builtin_memset(padded, 0, sizeof padded);
      __builtin_memcpy(padded, span, static_cast<size_t>(here) * sizeof(Block));
      span = padded;
    }
    for (int b = 0; b < kBlocks; ++b) quants(span[b], out.quants + (first + b) * kSmallBlock);
    float scale[kBlocks];
    float offset[kBlocks];
    scales(span, scale, offset);
    for (int b = here; b < kBlocks; ++b) scale[b] = offset[b] = 0;
    store_doubled(scale, out.scales + 2 * first);
    store_doubled(offset, out.offsets + 2 * first);
  }
}

// Blocks with a scale d, and quants that are kShift too large.
template <class Block, int kShift>
inline void shifted_scales(const Block* blocks, float* scale, float* offset) {
  load_halves(reinterpret_cast<const uint8_t*>(blocks) + __builtin_offsetof(Block, d), sizeof(Block), scale);
  for (int b = 0; b < kBlocks; ++b) offset[b] = -kShift * scale[b];
}

// Blocks with a scale d and a minimum m.
template <class Block>
inline void scales_and_minima(const Block* blocks, float* scale, float* offset) {
  load_halves(reinterpret_cast<const uint8_t*>(blocks) + __builtin_offsetof(Block, d), sizeof(Block), scale);
  load_halves(reinterpret_cast<const uint8_t*>(blocks) + __builtin_offsetof(Block, m), sizeof(Block), offset);
}

inline void unpack_nibbles(const uint8_t* nibbles, uint8_t* quants) {
#if defined(__AVX2__)
  const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(nibbles));
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(quants), _mm256_and_si256(both, _mm256_set1_epi8(15)));
#else
  const U8 packed = load_bytes(nibbles);
  store_bytes(quants, packed & 15);
  store_bytes(quants + 16, packed >> 4);
#endif
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
  unpack_blocks<BlockQ4_0>(
      row, cols, out, [](const BlockQ4_0& block, uint8_t* to) { unpack_nibbles(block.quants, to); },
      shifted_scales<BlockQ4_0, 8>);
}

void unpack_q4_1(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ4_1>(
      row, cols, out, [](const BlockQ4_1& block, uint8_t* to) { unpack_nibbles(block.quants, to); },
      scales_and_minima<BlockQ4_1>);
}

void unpack_q5_0(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ5_0>(
      row, cols, out,
      [](const BlockQ5_0& block, uint8_t* to) { unpack_five_bits(block.quants, block.high_bits, to); },
      shifted_scales<BlockQ5_0, 16>);
}

void unpack_q5_1(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ5_1>(
      row, cols, out,
      [](const BlockQ5_1& block, uint8_t* to) { unpack_five_bits(block.quants, block.high_bits, to); },
      scales_and_minima<BlockQ5_1>);
}

void unpack_q8_0(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ8_0>(
      row, cols, out,
      [](const BlockQ8_0& block, uint8_t* to) {
        for (int i = 0; i < 32; i += kByteLanes)
          store_bytes(to + i, load_bytes(block.quants + i) ^ kWideShift);
      },
      shifted_scales<BlockQ8_0, kWideShift>);
}

void unpack_iq4_nl(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockIQ4_NL>(
      row, cols, out,
      [](const BlockIQ4_NL& block, uint8_t* to) {
        look_up_nibbles(block.quants, reinterpret_cast<const int8_t*>(&kIq4Values), kWideShift, to);
      },
      shifted_scales<BlockIQ4_NL, kWideShift>);
}

void unpack_mxfp4(const uint8_t* row, int cols, const UnpackedRow& out) {
  constexpr int kShift = 12;  // of the table's −12 … 12
  unpack_blocks<BlockMXFP4>(
      row, cols, out,
      [](const BlockMXFP4& block, uint8_t* to) {
        look_up_nibbles(block.quants, reinterpret_cast<const int8_t*>(&kMxfp4DoubledValues), kShift, to);
      },
      [](const BlockMXFP4* blocks, float* scale, float* offset) {
        for (int b = 0; b < kBlocks; ++b) {
          // 2^(exponent − 128): see mxfp4_half_scale, which is inline and so not for kernels.
          const uint32_t exponent = blocks[b].exponent;
          const uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23;
          __builtin_memcpy(&scale[b], &bits, sizeof bits);
          offset[b] = -kShift * scale[b];
        }
      });
}

}  // namespace ferrum::cpu::FERRUM_ISA
