// Measures peak rates: reading at memory bandwidth, and products that never leave registers. `ferrum bench`
// compares its figures with these. An empty asm statement that claims to change a register keeps the compiler
// from hoisting a computation out of its loop.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"
#if defined(__AMX_INT8__)
#include "backend/cpu/kernels/tile_registers.h"
#endif

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// A product takes 4 to 5 cycles, and two start per cycle: at least that many sums must be in flight, and more
// do no harm as long as they fit into registers.
#if defined(__AVX512F__) || defined(FERRUM_NEON)
constexpr int kSums = 16;
#else
constexpr int kSums = 10;
#endif

#if defined(__AVX2__)
template <class Register>
inline void touch(Register& value) {
  asm volatile("" : "+v"(value));
}
#elif defined(__aarch64__)
template <class Register>
inline void touch(Register& value) {
  asm volatile("" : "+w"(value));
}
#elif defined(__x86_64__)
template <class Register>
inline void touch(Register& value) {
  asm volatile("" : "+x"(value));
}
#else
template <class Register>
inline void touch(Register& value) {
  asm volatile("" : "+m"(value));
}
#endif

constexpr int kStreams = 4;  // more open pages of memory than one, and few enough for every prefetcher
constexpr size_t kLine = 64;

inline uint64_t folded(I32 v) {
  uint64_t total = 0;
  for (int i = 0; i < kLanes; ++i) total += static_cast<uint32_t>(v[i]);
  return total;
}

}  // namespace

uint64_t peak_read(const uint8_t* data, size_t bytes, size_t ahead) {
  constexpr int kPerLine = kLine / kRegister;
  const size_t stream = bytes / kStreams / kLine * kLine;
  I32 sums[kStreams] = {};
  for (size_t at = 0; at < stream; at += kLine) {
#pragma GCC unroll 4
    for (int s = 0; s < kStreams; ++s) {
      const uint8_t* line = data + static_cast<size_t>(s) * stream + at;
      if (ahead > 0) __builtin_prefetch(line + ahead);  // past the end it has no effect
#pragma GCC unroll 4
      for (int i = 0; i < kPerLine; ++i) sums[s] ^= load_register(line + static_cast<size_t>(i) * kRegister);
    }
  }
  uint64_t total = folded(sums[0] ^ sums[1] ^ sums[2] ^ sums[3]);
  for (size_t i = kStreams * stream; i < bytes; ++i) total += data[i];
  return total;
}

int64_t peak_multiply_add_f32(int64_t rounds) {
  F32 sums[kSums] = {};
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  F32 a = broadcast(1.0f);
  F32 b = broadcast(0x1p-20f);  // small, so that the sums stay normal numbers
  for (int64_t round = 0; round < rounds; ++round) {
    touch(a);
    touch(b);
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sums[i] = fma(a, b, sums[i]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  return rounds * kSums * kLanes * 2;
}

#if defined(__AMX_INT8__)

namespace {

constexpr int kSumsInTiles = 4;

// Tiles 0 to 3 are sums, 4 and 5 what is multiplied: zeros, which take as long as other numbers.
inline void begin_tiles() {
  TileConfiguration tiles;
  for (int i = 0; i < 6; ++i) tiles.set(i, kTileRows, kLine);
  tiles.load();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
}

}  // namespace

int64_t peak_dot_int8(int64_t rounds) {
  begin_tiles();
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbssd(0, 4, 5);
    _tile_dpbssd(1, 4, 5);
    _tile_dpbssd(2, 4, 5);
    _tile_dpbssd(3, 4, 5);
  }
  _tile_release();
  return rounds * kSumsInTiles * kTileRows * kTileRows * static_cast<int64_t>(kLine) * 2;
}

#elif defined(__AVX2__) || defined(FERRUM_NEON)

namespace {

#if defined(__AVX512VNNI__)
using Bytes = __m512i;
inline Bytes zero() { return _mm512_setzero_si512(); }
inline Bytes ones() { return _mm512_set1_epi8(1); }
inline Bytes dot(Bytes sum, Bytes a, Bytes b, Bytes) { return _mm512_dpbusd_epi32(sum, a, b); }
#elif defined(__AVXVNNI__)
using Bytes = __m256i;
inline Bytes zero() { return _mm256_setzero_si256(); }
inline Bytes ones() { return _mm256_set1_epi8(1); }
inline Bytes dot(Bytes sum, Bytes a, Bytes b, Bytes) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
#elif defined(FERRUM_NEON)
using Bytes = int8x16_t;
inline Bytes zero() { return vdupq_n_s8(0); }
inline Bytes ones() { return vdupq_n_s8(1); }
inline Bytes dot(Bytes sum, Bytes a, Bytes b, Bytes) {
#if defined(__ARM_FEATURE_MATMUL_INT8)
  return vreinterpretq_s8_s32(vmmlaq_s32(vreinterpretq_s32_s8(sum), a, b));
#elif defined(__ARM_FEATURE_DOTPROD)
  return vreinterpretq_s8_s32(vdotq_s32(vreinterpretq_s32_s8(sum), a, b));
#else  // sums of 16 bits, widened regularly
  return vreinterpretq_s8_s16(vmlal_high_s8(vreinterpretq_s16_s8(sum), a, b));
#endif
}
#else
using Bytes = __m256i;
inline Bytes zero() { return _mm256_setzero_si256(); }
inline Bytes ones() { return _mm256_set1_epi8(1); }
// As of the smallest quants: eight sums in 16 bits before they are widened (dots_avx2.h).
constexpr int kWords = 8;
inline Bytes dot(Bytes sum, Bytes a, Bytes b, Bytes ones_of_16_bits) {
  Bytes words;
#pragma GCC unroll 8
  for (int i = 0; i < kWords; ++i) {
    touch(b);  // or one product would be computed and copied
    const Bytes pairs = _mm256_maddubs_epi16(a, b);
    words = i == 0 ? pairs : _mm256_add_epi16(words, pairs);
    touch(words);  // or all products would be computed first, and spilled
  }
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words, ones_of_16_bits));
}
#endif

#if defined(__ARM_FEATURE_MATMUL_INT8)
constexpr int kProducts = 32;  // of an instruction: 2 × 8 by 8 × 2
#elif defined(FERRUM_NEON) && !defined(__ARM_FEATURE_DOTPROD)
constexpr int kProducts = 8;
#elif defined(FERRUM_WORD_SUMS)
constexpr int kProducts = kWords * sizeof(Bytes);
#else
constexpr int kProducts = sizeof(Bytes);
#endif

}  // namespace

int64_t peak_dot_int8(int64_t rounds) {
  Bytes sums[kSums];
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) {
    sums[i] = zero();
    touch(sums[i]);
  }
  Bytes a = ones();
  Bytes b = ones();
  const Bytes halves = reinterpret_cast<Bytes>(I32{} + 0x00010001);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) {
      touch(a);
      touch(b);
      sums[i] = dot(sums[i], a, b, halves);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  return rounds * kSums * kProducts * 2;
}

#else

// Left to the compiler's vectorisation.
int64_t peak_dot_int8(int64_t rounds) {
  constexpr int kBytes = 1024;
  uint8_t a[kBytes];
  int8_t b[kBytes];
  __builtin_memset(a, 1, sizeof a);
  __builtin_memset(b, 1, sizeof b);
  for (int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+m"(a), "+m"(b));
    int32_t sum = 0;
    for (int i = 0; i < kBytes; ++i) sum += static_cast<int32_t>(a[i]) * b[i];
    asm volatile("" : "+r"(sum));
  }
  return rounds * kBytes * 2;
}

#endif

#if defined(__AMX_BF16__)

int64_t peak_dot_bf16(int64_t rounds) {
  begin_tiles();
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return rounds * kSumsInTiles * kTileRows * kTileRows * static_cast<int64_t>(kLine / 2) * 2;
}

#elif defined(__AVX512BF16__)

int64_t peak_dot_bf16(int64_t rounds) {
  __m512 sums[kSums];
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) {
    sums[i] = _mm512_setzero_ps();
    touch(sums[i]);
  }
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3F80));  // 1
  const auto b = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3580));  // 2^-20
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], a, b);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  return rounds * kSums * 32 * 2;
}

#elif defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)

int64_t peak_dot_bf16(int64_t rounds) {
  F32 sums[kSums] = {};
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  I32 a = I32{} + 0x3F803F80;  // 1; as integers, since GCC 12 takes bf16 constants for fp16
  I32 b = I32{} + 0x35803580;  // 2^-20
  for (int64_t round = 0; round < rounds; ++round) {
    touch(a);
    touch(b);
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i)
      sums[i] = vbfdotq_f32(sums[i], vreinterpretq_bf16_s32(a), vreinterpretq_bf16_s32(b));
  }
#pragma GCC unroll 16
  for (int i = 0; i < kSums; ++i) touch(sums[i]);
  return rounds * kSums * 8 * 2;
}

#endif

}  // namespace ferrum::cpu::FERRUM_ISA
