#include "backend/cpu/sampling/row_kernels.h"

#include <limits>

#include "backend/cpu/sampling/fast_exp2.h"

// Compiled with vectorisation of loops with independent iterations; see floor.cmake.
#define FERRUM_INLINE [[gnu::always_inline]] static inline

namespace ferrum::cpu {
namespace {

constexpr size_t kPage = 4096 / sizeof(float);
constexpr size_t kLine = 64 / sizeof(float);

// Sets x[0] to the tree reduction by `join` over x[0 … count).
template <size_t count, class Join>
FERRUM_INLINE void fold(float* x, const Join& join) {
  if constexpr (count > 1) {
    for (size_t i = 0; i < count / 2; ++i) x[i] = join(x[i], x[i + count / 2]);
    fold<count / 2>(x, join);
  }
}

FERRUM_INLINE BlockLook look_at(const float* logits) {
  // Hardware does not prefetch past the end of a page.
  for (size_t i = 0; i < kRowBlock; i += kLine) __builtin_prefetch(logits + kPage + i);
  constexpr auto larger = [](float a, float b) { return a > b ? a : b; };
  float most[kRowBlock / 2];
  int nans = 0;
  for (size_t i = 0; i < kRowBlock; ++i) nans += logits[i] != logits[i] ? 1 : 0;
  for (size_t i = 0; i < kRowBlock / 2; ++i) most[i] = larger(logits[i], logits[i + kRowBlock / 2]);
  fold<kRowBlock / 2>(most, larger);
  return {most[0], nans != 0};
}

// A sum, so that NaN stays NaN.
FERRUM_INLINE void mask_all(const float* logits, const uint32_t* words, size_t count, float* out) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  size_t begin = 0;
  for (; begin + 32 <= count; begin += 32) {
    const uint32_t word = words[begin / 32];
    for (size_t i = 0; i < 32; ++i)
      out[begin + i] = logits[begin + i] + ((word >> i & 1) != 0 ? 0.0f : -kInfinity);
  }
  for (; begin < count; ++begin)
    out[begin] = logits[begin] + ((words[begin / 32] >> (begin % 32) & 1) != 0 ? 0.0f : -kInfinity);
}

FERRUM_INLINE void weigh_block(const float* logits, const RowScale& scale, float* weights) {
  const RowScale s = scale;
  for (size_t i = 0; i < kRowBlock; ++i) weights[i] = fast_exp2((logits[i] - s.largest) * s.rate);
}

FERRUM_INLINE float sum_of(const float* weights) {
  float sums[kRowBlock / 2];
  for (size_t i = 0; i < kRowBlock / 2; ++i) sums[i] = weights[i] + weights[i + kRowBlock / 2];
  fold<kRowBlock / 2>(sums, [](float a, float b) { return a + b; });
  return sums[0];
}

FERRUM_INLINE float sum_of_below(const float* weights, const float* logits, float largest) {
  float products[kRowBlock];
  for (size_t i = 0; i < kRowBlock; ++i) {
    const float below = logits[i] - largest;
    products[i] = weights[i] > 0 ? weights[i] * below : 0;  // avoids 0 times −∞
  }
  return sum_of(products);
}

constexpr RowKernels kEveryCpu = {
    [](const float* logits) { return look_at(logits); },
    [](const float* logits, const uint32_t* words, size_t count, float* out) {
      mask_all(logits, words, count, out);
    },
    [](const float* logits, const RowScale& scale, float* weights) { weigh_block(logits, scale, weights); },
    [](const float* weights) { return sum_of(weights); },
    [](const float* weights, const float* logits, float largest) {
      return sum_of_below(weights, logits, largest);
    },
};

#if defined(__x86_64__)
// GCC uses registers of 256 bits unless told otherwise; Clang 14 has no attribute for it.
#if defined(__clang__)
#define FERRUM_AVX512 gnu::target("avx512f,avx512bw,avx512vl,avx512dq")
#else
#define FERRUM_AVX512 gnu::target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")
#endif
#define FERRUM_ROW_KERNELS(name, attribute)                                                              \
  [[attribute]] BlockLook look_##name(const float* logits) { return look_at(logits); }                   \
  [[attribute]] void mask_##name(const float* logits, const uint32_t* words, size_t count, float* out) { \
    mask_all(logits, words, count, out);                                                                 \
  }                                                                                                      \
  [[attribute]] void weigh_##name(const float* logits, const RowScale& scale, float* weights) {          \
    weigh_block(logits, scale, weights);                                                                 \
  }                                                                                                      \
  [[attribute]] float sum_##name(const float* weights) { return sum_of(weights); }                       \
  [[attribute]] float sum_below_##name(const float* weights, const float* logits, float largest) {       \
    return sum_of_below(weights, logits, largest);                                                       \
  }                                                                                                      \
  constexpr RowKernels k_##name = {look_##name, mask_##name, weigh_##name, sum_##name, sum_below_##name};

FERRUM_ROW_KERNELS(avx2, gnu::target("avx2"))
FERRUM_ROW_KERNELS(avx512, FERRUM_AVX512)
#endif

}  // namespace

const RowKernels& row_kernels([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::kAvx512) return k_avx512;
  if (isa >= Isa::kAvx2) return k_avx2;
#endif
  return kEveryCpu;
}

}  // namespace ferrum::cpu
