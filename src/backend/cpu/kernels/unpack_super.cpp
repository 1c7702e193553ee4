// Rows in blocks of 256 values, unpacked to bytes: value = scale × quant + offset. Layouts:
// tensor/formats/blocks.h.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/nibbles.h"
#include "backend/cpu/kernels/simd.h"
#include "tensor/formats/blocks.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

using namespace formats;

struct Place {
  uint8_t* quants;  // [256]
  float* scales;    // [16]
  float* offsets;   // [16]
};
template <class Block, class One>
inline void unpack_blocks(const uint8_t* row, int cols, const UnpackedRow& out, const One& one) {
  const auto* blocks = reinterpret_cast<const Block*>(row);
  for (int b = 0; b < cols / kSuperBlock; ++b)
    one(blocks[b], Place{out.quants + b * kSuperBlock, out.scales + 16 * b, out.offsets + 16 * b});
}

// kLanes signed bytes.
inline F32 bytes_to_float(const int8_t* bytes) {
#if defined(__AVX512F__)
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
#elif defined(__AVX2__)
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes))));
#else
  return to_float(I32{bytes[0], bytes[1], bytes[2], bytes[3]});
#endif
}

// The six-bit scales and minima of Q4_K and Q5_K: see scales_and_mins in blocks.h, here on whole words.
inline void unpack_scales_and_mins(const uint8_t* packed, float d, float dmin, const Place& to) {
  uint32_t words[3];
  __builtin_memcpy(words, packed, sizeof words);
  const uint32_t scale_words[2] = {words[0] & 0x3F3F3F3F,
                                   (words[2] & 0x0F0F0F0F) | (words[0] >> 2 & 0x30303030)};
  const uint32_t min_words[2] = {words[1] & 0x3F3F3F3F,
                                 (words[2] >> 4 & 0x0F0F0F0F) | (words[1] >> 2 & 0x30303030)};
#if defined(__AVX512F__)
  const __m128i scales = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(scale_words));
  const __m128i mins = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(min_words));
  const __m512 s = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_unpacklo_epi8(scales, scales)));
  const __m512 m = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_unpacklo_epi8(mins, mins)));
  _mm512_storeu_ps(to.scales, _mm512_mul_ps(s, _mm512_set1_ps(d)));
  _mm512_storeu_ps(to.offsets, _mm512_mul_ps(m, _mm512_set1_ps(-dmin)));
#else
  uint8_t scales[8];
  uint8_t mins[8];
  __builtin_memcpy(scales, scale_words, 8);
  __builtin_memcpy(mins, min_words, 8);
  for (int s = 0; s < 16; ++s) {
    to.scales[s] = d * static_cast<float>(scales[s / 2]);
    to.offsets[s] = -dmin * static_cast<float>(mins[s / 2]);
  }
#endif
}

}  // namespace

void unpack_q2_k(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ2_K>(row, cols, out, [](const BlockQ2_K& block, const Place& to) {
    const float d = from_f16(block.d);
    const float dmin = from_f16(block.dmin);
    for (int s = 0; s < 16; ++s) {
      to.scales[s] = d * static_cast<float>(block.scales[s] & 15);
      to.offsets[s] = -dmin * static_cast<float>(block.scales[s] >> 4);
    }
    for (int half = 0; half < 2; ++half)
      for (int j = 0; j < 32; j += kByteLanes) {
        const U8 four = load_bytes(block.quants + 32 * half + j);
        uint8_t* quants = to.quants + 128 * half + j;
        store_bytes(quants, four & 3);
        store_bytes(quants + 32, four >> 2 & 3);
        store_bytes(quants + 64, four >> 4 & 3);
        store_bytes(quants + 96, four >> 6);
      }
  });
}

void unpack_q3_k(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ3_K>(row, cols, out, [](const BlockQ3_K& block, const Place& to) {
    const float d = from_f16(block.d);
    for (int s = 0; s < 16; ++s) {  // see q3_k_scales in blocks.h
      const int low = s < 8 ? block.scales[s] & 15 : block.scales[s - 8] >> 4;
      const int high = block.scales[8 + s % 4] >> (2 * (s / 4)) & 3;
      to.scales[s] = d * static_cast<float>((low | high << 4) - 32);
      to.offsets[s] = -4 * to.scales[s];
    }
    for (int j = 0; j < 32; j += kByteLanes) {
      const U8 high = load_bytes(block.high_bits + j);
      const U8 first = load_bytes(block.quants + j);
      const U8 second = load_bytes(block.quants + 32 + j);
      uint8_t* quants = to.quants + j;
      store_bytes(quants, (first & 3) | (high << 2 & 4));
      store_bytes(quants + 32, (first >> 2 & 3) | (high << 1 & 4));
      store_bytes(quants + 64, (first >> 4 & 3) | (high & 4));
      store_bytes(quants + 96, first >> 6 | (high >> 1 & 4));
      store_bytes(quants + 128, (second & 3) | (high >> 2 & 4));
      store_bytes(quants + 160, (second >> 2 & 3) | (high >> 3 & 4));
      store_bytes(quants + 192, (second >> 4 & 3) | (high >> 4 & 4));
      store_bytes(quants + 224, second >> 6 | (high >> 5 & 4));
    }
  });
}

void unpack_q4_k(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ4_K>(row, cols, out, [](const BlockQ4_K& block, const Place& to) {
    unpack_scales_and_mins(block.scales, from_f16(block.d), from_f16(block.dmin), to);
    for (int pair = 0; pair < 4; ++pair)
      for (int j = 0; j < 32; j += kByteLanes) {
        const U8 both = load_bytes(block.quants + 32 * pair + j);
        store_bytes(to.quants + 64 * pair + j, both & 15);
        store_bytes(to.quants + 64 * pair + 32 + j, both >> 4);
      }
  });
}

void unpack_q5_k(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ5_K>(row, cols, out, [](const BlockQ5_K& block, const Place& to) {
    unpack_scales_and_mins(block.scales, from_f16(block.d), from_f16(block.dmin), to);
    for (int j = 0; j < 32; j += kByteLanes) {
      U8 high = load_bytes(block.high_bits + j);
      for (int pair = 0; pair < 4; ++pair) {
        const U8 both = load_bytes(block.quants + 32 * pair + j);
        store_bytes(to.quants + 64 * pair + j, (both & 15) | (high << 4 & 16));
        store_bytes(to.quants + 64 * pair + 32 + j, both >> 4 | (high << 3 & 16));
        high >>= 2;
      }
    }
  });
}

void unpack_q6_k(const uint8_t* row, int cols, const UnpackedRow& out) {
  unpack_blocks<BlockQ6_K>(row, cols, out, [](const BlockQ6_K& block, const Place& to) {
    const float d = from_f16(block.d);
    for (int s = 0; s < 16; s += kLanes) {
      const F32 scales = bytes_to_float(block.scales + s) * d;
      store(to.scales + s, scales);
      store(to.offsets + s, scales * -32.0f);
    }
    for (int half = 0; half < 2; ++half)
      for (int j = 0; j < 32; j += kByteLanes) {
        const U8 low = load_bytes(block.low + 64 * half + j);
        const U8 next = load_bytes(block.low + 64 * half + 32 + j);
        const U8 high = load_bytes(block.high + 32 * half + j);
        uint8_t* quants = to.quants + 128 * half + j;
        store_bytes(quants, (low & 15) | (high << 4 & 48));
        store_bytes(quants + 32, (next & 15) | (high << 2 & 48));
        store_bytes(quants + 64, low >> 4 | (high & 48));
        store_bytes(quants + 96, next >> 4 | (high >> 2 & 48));
      }
  });
}

void unpack_iq4_xs(const uint8_t* row, int cols, const UnpackedRow& out) {
  constexpr int kShift = kWideQuantsAreSigned ? 0 : 128;
  unpack_blocks<BlockIQ4_XS>(row, cols, out, [](const BlockIQ4_XS& block, const Place& to) {
    const float d = from_f16(block.d);
    const auto* table = reinterpret_cast<const int8_t*>(&kIq4Values);
    for (int s = 0; s < 8; ++s) {  // see iq4_xs_scales in blocks.h
      const int low = block.scales_low[s / 2] >> (4 * (s % 2)) & 15;
      const int high = block.scales_high >> (2 * s) & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      to.scales[2 * s] = to.scales[2 * s + 1] = scale;
      to.offsets[2 * s] = to.offsets[2 * s + 1] = -kShift * scale;
      look_up_nibbles(block.quants + 16 * s, table, kShift, to.quants + 32 * s);
    }
  });
}

}  // namespace ferrum::cpu::FERRUM_ISA
