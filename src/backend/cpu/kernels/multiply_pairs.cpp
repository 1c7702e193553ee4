// Panels of BF16 times tiles of bf16 inputs. Two columns, adjacent in a panel's lane, are multiplied at a
// time by VDPBF16PS or BFDOT. Sets without these instructions use two multiplications: that path exists for
// tests and is not optimised.
#if defined(__AMX_BF16__)
#include "backend/cpu/kernels/matrix_pairs.h"
#else
#include "backend/cpu/kernels/float_tiles.h"
#endif

namespace ferrum::cpu::FERRUM_ISA {

#if defined(__AMX_BF16__)

void multiply_pairs(const PanelTask& task) { multiply_pairs_with_tiles(task); }

#else

namespace {

struct PairedColumns {
  using Pair = I32;
  using Span = HalfSpan;
  static constexpr int kBytes = 2 * kLanes;  // per column

  static I32 pair(const uint8_t* p) { return load_register(p); }

  static F32 dot(F32 sum, I32 w, I32 x) {
#if defined(__AVX512BF16__)
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
#elif defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
    return vbfdotq_f32(sum, vreinterpretq_bf16_s32(w), vreinterpretq_bf16_s32(x));
#else
    sum = fma(from_bits(w & ~0xFFFF), from_bits(x & ~0xFFFF), sum);
    return fma(from_bits(w << 16), from_bits(x << 16), sum);
#endif
  }

  template <int P, int T>
  static void add(F32 (&sums)[P][T], const I32 (&w)[P], const HalfSpan* x, int i) {
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      int32_t both;
      __builtin_memcpy(&both, x[t].values + i, sizeof both);
      const I32 inputs = I32{} + both;
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sums[p][t] = dot(sums[p][t], w[p], inputs);
    }
  }
};

}  // namespace

void multiply_pairs(const PanelTask& task) { multiply<PairedColumns>(task); }

#endif

}  // namespace ferrum::cpu::FERRUM_ISA
