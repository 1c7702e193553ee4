// A vector of float32 in the widest registers of the instruction set that this file is compiled for, and the
// few operations that kernels consist of. All static, in a namespace per instruction set: see kernels.h.
//
// Sums across lanes have a fixed order, and only explicit FMAs are contracted (-ffp-contract=off), so that a
// row's result does not depend on the surrounding code.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(FERRUM_NEON)  // defined by every compiler for 64-bit ARM
#include <arm_neon.h>
#endif

#ifndef FERRUM_ISA
#error "kernels are compiled with FERRUM_ISA naming their namespace: see src/backend/floor.cmake"
#endif

namespace ferrum::cpu::FERRUM_ISA {

// 16-bit floats in memory; distinct types, so that load() and store() can be overloaded.
enum F16 : uint16_t {};
enum BF16 : uint16_t {};

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using F32 [[gnu::vector_size(kLanes * 4)]] = float;
using I32 [[gnu::vector_size(kLanes * 4)]] = int32_t;

constexpr int kRegister = kLanes * 4;  // in bytes

static inline I32 load_register(const uint8_t* p) {
  I32 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline void store_register(uint8_t* p, I32 v) { __builtin_memcpy(p, &v, sizeof v); }

static inline F32 load(const float* p) {
  F32 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, F32 v) { __builtin_memcpy(p, &v, sizeof v); }
static inline I32 as_bits(F32 v) { return reinterpret_cast<I32>(v); }
static inline F32 from_bits(I32 v) { return reinterpret_cast<F32>(v); }
static inline F32 to_float(I32 v) { return __builtin_convertvector(v, F32); }

#if defined(__AVX512F__)

static inline F32 broadcast(float x) { return _mm512_set1_ps(x); }
static inline F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
// a × *b + c in one instruction even if *b is used several times, which GCC turns into one broadcast.
static inline F32 fma_with(F32 a, const float* b, F32 c) {
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c) : "v"(a), "m"(*b));
  return c;
}
static inline F32 max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
static inline F32 min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
static inline F32 load(const F16* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
static inline F32 load(const BF16* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
static inline F32 load(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
static inline void store(F16* p, F32 v) {
  const __m256i halves = _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), halves);
}

static inline float sum8(__m256 v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}
static inline float sum(F32 v) {
  return sum8(_mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}

#elif defined(__AVX2__)

static inline F32 broadcast(float x) { return _mm256_set1_ps(x); }
static inline F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
static inline F32 fma_with(F32 a, const float* b, F32 c) { return fma(a, broadcast(*b), c); }
static inline F32 max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
static inline F32 min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
static inline F32 load(const F16* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
static inline F32 load(const BF16* p) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
static inline F32 load(const int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
static inline void store(F16* p, F32 v) {
  const __m128i halves = _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), halves);
}

static inline float sum(F32 v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

#elif defined(FERRUM_NEON)

static inline F32 broadcast(float x) { return vdupq_n_f32(x); }
static inline F32 fma(F32 a, F32 b, F32 c) { return vfmaq_f32(c, a, b); }
static inline F32 fma_with(F32 a, const float* b, F32 c) { return fma(a, broadcast(*b), c); }
// Unlike those of the other sets, these return NaN if either operand is NaN.
static inline F32 max(F32 a, F32 b) { return vmaxq_f32(a, b); }
static inline F32 min(F32 a, F32 b) { return vminq_f32(a, b); }
static inline F32 load(const F16* p) {
  float16x4_t halves;
  __builtin_memcpy(&halves, p, sizeof halves);
  return vcvt_f32_f16(halves);
}
static inline F32 load(const BF16* p) {
  uint16x4_t halves;
  __builtin_memcpy(&halves, p, sizeof halves);
  return vreinterpretq_f32_u32(vshll_n_u16(halves, 16));
}
static inline F32 load(const int8_t* p) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  const int8x8_t twice = vreinterpret_s8_u32(vdup_n_u32(bytes));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(twice))));
}
static inline void store(F16* p, F32 v) {
  const float16x4_t halves = vcvt_f16_f32(v);
  __builtin_memcpy(p, &halves, sizeof halves);
}

static inline float sum(F32 v) { return vpadds_f32(vadd_f32(vget_low_f32(v), vget_high_f32(v))); }

#else

static inline F32 broadcast(float x) { return F32{x, x, x, x}; }
static inline F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
static inline F32 fma_with(F32 a, const float* b, F32 c) { return fma(a, broadcast(*b), c); }
// As the x86 instructions: the second operand if they do not compare, so a NaN in b is kept.
static inline F32 max(F32 a, F32 b) { return a > b ? a : b; }
static inline F32 min(F32 a, F32 b) { return a < b ? a : b; }
static inline float sum(F32 v) { return (v[0] + v[2]) + (v[1] + v[3]); }

static inline float float_of(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
static inline uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Shifts exponent and mantissa into place, and rebiases the exponent by multiplying by 2^112, which is right
// for subnormals as well; infinities and NaNs get their exponent set.
static inline float from_f16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7FFF) << 13;
  const uint32_t bits =
      magnitude >= 0x0F800000 ? magnitude | 0x7F800000 : bits_of(float_of(magnitude) * 0x1p112f);
  return float_of(sign | bits);
}

// Adding a power of two that pushes all but the kept bits out of the mantissa rounds to nearest even.
static inline uint16_t to_f16(float value) {
  const uint32_t sign = bits_of(value) >> 16 & 0x8000;
  const uint32_t magnitude = bits_of(value) & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);
  if (magnitude >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);
  if (magnitude < 0x38800000)  // subnormal as binary16: in units of 2^-24, which is the last bit of 0.5
    return static_cast<uint16_t>(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
}

// Weights may be at any address in a file, including odd ones.
static inline F32 load(const F16* p) {
  uint16_t halves[kLanes];
  __builtin_memcpy(halves, p, sizeof halves);
  return F32{from_f16(halves[0]), from_f16(halves[1]), from_f16(halves[2]), from_f16(halves[3])};
}
static inline F32 load(const BF16* p) {
  uint16_t halves[kLanes];
  __builtin_memcpy(halves, p, sizeof halves);
  return from_bits(I32{halves[0], halves[1], halves[2], halves[3]} << 16);
}
static inline F32 load(const int8_t* p) {
  int8_t bytes[kLanes];
  __builtin_memcpy(bytes, p, sizeof bytes);
  return to_float(I32{bytes[0], bytes[1], bytes[2], bytes[3]});
}
static inline void store(F16* p, F32 v) {
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<F16>(to_f16(v[i]));
}

#endif

// Rounds to nearest even. A NaN's payload is truncated, so a bit is set that keeps it a NaN.
static inline void store(BF16* p, F32 v) {
  const I32 bits = as_bits(v);
  const I32 is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  const I32 rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  const I32 half = is_nan ? (bits >> 16 | 0x40) : rounded;
#if defined(FERRUM_NEON)
  const int16x4_t narrow = vmovn_s32(half);
  __builtin_memcpy(p, &narrow, sizeof narrow);
#else
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<BF16>(half[i] & 0xFFFF);
#endif
}

// The first n < kLanes elements, followed by zeros.
template <class T>
static inline F32 load_part(const T* p, int n) {
  T whole[kLanes] = {};
  __builtin_memcpy(whole, p, static_cast<size_t>(n) * sizeof(T));
  return load(whole);
}
template <class T>
static inline void store_part(T* p, F32 v, int n) {
  T whole[kLanes];
  store(whole, v);
  __builtin_memcpy(p, whole, static_cast<size_t>(n) * sizeof(T));
}

// The first n elements, all of a register or fewer.
template <class T>
static inline F32 load_some(const T* p, int n) {
  return n == kLanes ? load(p) : load_part(p, n);
}
template <class T>
static inline void store_some(T* p, F32 v, int n) {
  if (n == kLanes)
    store(p, v);
  else
    store_part(p, v, n);
}

// Calls f(offset, count) over n elements in steps of a register; the last count may be less than kLanes.
template <class Step>
static inline void in_steps(int n, const Step& step) {
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) step(i, kLanes);
  if (i < n) step(i, n - i);
}

// The largest lane. A NaN may be lost.
static inline float largest(F32 v) {
#if defined(__AVX512F__)
  v = max(_mm512_shuffle_f32x4(v, v, 0x4E), v);
  v = max(_mm512_shuffle_f32x4(v, v, 0xB1), v);
  v = max(_mm512_permute_ps(v, 0x4E), v);
  return max(_mm512_permute_ps(v, 0xB1), v)[0];
#elif defined(__AVX2__)
  v = max(_mm256_permute2f128_ps(v, v, 1), v);
  v = max(_mm256_permute_ps(v, 0x4E), v);
  return max(_mm256_permute_ps(v, 0xB1), v)[0];
#elif defined(FERRUM_NEON)
  return vmaxvq_f32(v);
#else
  const float low = v[0] > v[1] ? v[0] : v[1];
  const float high = v[2] > v[3] ? v[2] : v[3];
  return low > high ? low : high;
#endif
}

// The factor that maps values up to `magnitude` to bytes in −127 … 127. If the magnitude is so small that the
// factor would be infinite, values become zeros.
static inline float inverse_scale(float magnitude) { return magnitude > 1e-36f ? 127 / magnitude : 0; }

// e^x within 2 units in the last place: x = n ln 2 + r with |r| <= ln 2 / 2, and the Taylor series of e^r to
// r^7, whose rest is below 6e-9. Beyond ±87 it stays at e^±87; NaN stays NaN.
static inline F32 exp(F32 x) {
  x = max(broadcast(-87.0f), min(broadcast(87.0f), x));
  constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  const F32 shifted = fma(x, broadcast(0x1.715476p+0f), broadcast(kRound));  // x / ln 2
  const F32 n = shifted - kRound;
  F32 r = fma(n, broadcast(-0x1.62ep-1f), x);  // ln 2 in two parts; n times the first is exact
  r = fma(n, broadcast(-0x1.0bfbe8p-15f), r);
  F32 p = broadcast(1.0f / 5040);
  p = fma(p, r, broadcast(1.0f / 720));
  p = fma(p, r, broadcast(1.0f / 120));
  p = fma(p, r, broadcast(1.0f / 24));
  p = fma(p, r, broadcast(1.0f / 6));
  p = fma(p, r, broadcast(0.5f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));
  const I32 exponent = (as_bits(shifted) - 0x4B400000 + 127) << 23;
  return p * from_bits(exponent);
}

// 2^x for x up to 127, within 2 units in the last place: x = n + r with |r| <= 1/2, which is exact, and a
// polynomial of degree 6 that interpolates 2^r at Chebyshev's points and is 1 at 0; it is off by 9e-9. Below
// -126 the result is 0; NaN stays NaN.
static inline F32 exp2(F32 x) {
  constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  const F32 shifted = max(broadcast(-126.0f), x) + kRound;
  const F32 r = x - (shifted - kRound);
  F32 p = broadcast(0x1.44138ap-13f);
  p = fma(p, r, broadcast(0x1.5f0890p-10f));
  p = fma(p, r, broadcast(0x1.3b2a54p-7f));
  p = fma(p, r, broadcast(0x1.c6af6cp-5f));
  p = fma(p, r, broadcast(0x1.ebfbe0p-3f));
  p = fma(p, r, broadcast(0x1.62e430p-1f));
  p = fma(p, r, broadcast(1.0f));
  const I32 exponent = (as_bits(shifted) + 127) << 23;  // the low bits of 1.5 × 2^23 are 0
  return x < -126.0f ? F32{} : p * from_bits(exponent);
}

}  // namespace ferrum::cpu::FERRUM_ISA
