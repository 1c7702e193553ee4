// The integer products of a block in NEON: with SMMLA, with SDOT, or with products of bytes to 16 bits.
//
// All weights are signed bytes here: quants below 128, or formats with signed quants.
#pragma once

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

inline int8x16_t as_bytes(I32 v) { return vreinterpretq_s8_s32(v); }

#if defined(__ARM_FEATURE_DOTPROD)

// A product can use any four of sixteen inputs, so one load brings those of four quads.
template <class Source, int P, int T>
inline void add_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kFours = 2 / Source::kParts;
#pragma GCC unroll 2
  for (int four = kFours * part; four < kFours * (part + 1); ++four) {
    int8x16_t inputs[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) inputs[t] = vld1q_s8(x[t].quants + kBlock * b + 16 * four);
    const auto add_quad = [&]<int kQuad>() {
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const int8x16_t w = as_bytes(sources[p].quad(b, 4 * four + kQuad));
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) dots[p][t] = vdotq_laneq_s32(dots[p][t], w, inputs[t], kQuad);
      }
    };
    add_quad.template operator()<0>();
    add_quad.template operator()<1>();
    add_quad.template operator()<2>();
    add_quad.template operator()<3>();
  }
}

#else

// The 16-bit sums of each half of a register of weights.
struct Halves {
  int16x8_t low, high;
};

inline I32 folded(const Halves& sums) { return vpaddq_s32(vpaddlq_s16(sums.low), vpaddlq_s16(sums.high)); }

// The products of a part fit into 16 bits: 8 × 31 × 127, or 4 × 63 × 127 for half a block.
template <class Source, int P, int T>
inline void add_small_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kQuads = 8 / Source::kParts;
  Halves sums[P][T];
#pragma GCC unroll 8
  for (int i = 0; i < kQuads; ++i) {
    int8x16_t w[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) w[p] = as_bytes(sources[p].quad(b, kQuads * part + i));
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const int8x16_t quad = as_bytes(broadcast_quad(x[t].quants + kBlock * b + 4 * (kQuads * part + i)));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        Halves& to = sums[p][t];
        to.low = i == 0 ? vmull_s8(vget_low_s8(w[p]), vget_low_s8(quad))
                        : vmlal_s8(to.low, vget_low_s8(w[p]), vget_low_s8(quad));
        to.high = i == 0 ? vmull_high_s8(w[p], quad) : vmlal_high_s8(to.high, w[p], quad);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) dots[p][t] += folded(sums[p][t]);
}

// With quants of 8 bits, two products fit: 2 × 128 × 127.
template <class Source, int P, int T>
inline void add_wide_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kQuads = 8 / Source::kParts;
  const int begin = kQuads * part;
  I32 low[P][T];
  I32 high[P][T];
#pragma GCC unroll 4
  for (int i = begin; i < begin + kQuads; i += 2) {
    int8x16_t w[P][2];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      w[p][0] = as_bytes(sources[p].quad(b, i));
      w[p][1] = as_bytes(sources[p].quad(b, i + 1));
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const int8_t* quants = x[t].quants + kBlock * b + 4 * i;
      const int8x16_t first = as_bytes(broadcast_quad(quants));
      const int8x16_t second = as_bytes(broadcast_quad(quants + 4));
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const int16x8_t lows = vmlal_s8(vmull_s8(vget_low_s8(w[p][0]), vget_low_s8(first)),
                                        vget_low_s8(w[p][1]), vget_low_s8(second));
        const int16x8_t highs = vmlal_high_s8(vmull_high_s8(w[p][0], first), w[p][1], second);
        low[p][t] = i == begin ? vpaddlq_s16(lows) : vpadalq_s16(low[p][t], lows);
        high[p][t] = i == begin ? vpaddlq_s16(highs) : vpadalq_s16(high[p][t], highs);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) dots[p][t] += vpaddq_s32(low[p][t], high[p][t]);
}

template <class Source, int P, int T>
inline void add_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  if constexpr (kIsSigned<Source>) {
    add_wide_dots<Source, P, T>(dots, sources, x, b, part);
  } else {
    add_small_dots<Source, P, T>(dots, sources, x, b, part);
  }
}

#endif

#if defined(__ARM_FEATURE_MATMUL_INT8)

// A matrix product takes eight columns of two rows and of two tokens. Unpacked spans are stored for it: two
// adjacent quads as [row, quad], rows 0 and 1 first. Packed spans use add_dots(): with few tokens it does not
// pay to rearrange weights and inputs.
template <class Source>
constexpr bool kIsPaired = false;
template <int kParts, int kOffset, bool kMin, int kMost>
constexpr bool kIsPaired<UnpackedSource<kParts, kOffset, kMin, kMost>> = true;

template <class Source>
inline void store_quads(const Source& source, int b, uint8_t* to) {
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    const I32 even = source.quad(b, i);
    const I32 odd = source.quad(b, i + 1);
    store_register(to + i * kRegister, vzip1q_s32(even, odd));
    store_register(to + (i + 1) * kRegister, vzip2q_s32(even, odd));
  }
}

// Sixteen inputs of two tokens in two registers, each with eight inputs of both.
struct TokenPairs {
  int8x16_t columns[2];
};

inline TokenPairs token_pairs(const int8_t* first, const int8_t* second) {
  const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(first));
  const int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(second));
  return {vreinterpretq_s8_s64(vzip1q_s64(a, b)), vreinterpretq_s8_s64(vzip2q_s64(a, b))};
}

template <class Source, int P, int T>
inline void add_matrix_dots(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  constexpr int kFours = 2 / Source::kParts;
  constexpr int kPairs = (T + 1) / 2;  // a single token is paired with itself
  I32 low[P][kPairs] = {};             // rows 0 and 1 of each pair of tokens
  I32 high[P][kPairs] = {};
#pragma GCC unroll 2
  for (int four = kFours * part; four < kFours * (part + 1); ++four) {
    TokenPairs inputs[kPairs];
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i) {
      const int second = 2 * i + 1 < T ? 2 * i + 1 : 2 * i;
      inputs[i] =
          token_pairs(x[2 * i].quants + kBlock * b + 16 * four, x[second].quants + kBlock * b + 16 * four);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const int8x16_t first_rows = as_bytes(sources[p].quad(b, 4 * four + 2 * half));
        const int8x16_t last_rows = as_bytes(sources[p].quad(b, 4 * four + 2 * half + 1));
#pragma GCC unroll 8
        for (int i = 0; i < kPairs; ++i) {
          low[p][i] = vmmlaq_s32(low[p][i], first_rows, inputs[i].columns[half]);
          high[p][i] = vmmlaq_s32(high[p][i], last_rows, inputs[i].columns[half]);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int i = 0; i < kPairs; ++i) {
      dots[p][2 * i] += vuzp1q_s32(low[p][i], high[p][i]);
      if (2 * i + 1 < T) dots[p][2 * i + 1] += vuzp2q_s32(low[p][i], high[p][i]);
    }
}

#endif

template <class Source, int P, int T>
inline void dots_of(I32 (&dots)[P][T], const Source* sources, const InputSpan* x, int b, int part) {
  begin_dots<Source, P, T>(dots, x, b, part);
#if defined(__ARM_FEATURE_MATMUL_INT8)
  if constexpr (kIsPaired<Source>) return add_matrix_dots<Source, P, T>(dots, sources, x, b, part);
#endif
  add_dots<Source, P, T>(dots, sources, x, b, part);
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
