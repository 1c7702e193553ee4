// Panels of floats times tiles of float32 inputs: one fused multiply-add per column, in column order.
//
// A panel of F32 or F16 holds column after column; one of BF16 two columns at a time, the earlier in the
// lower half of each lane, so that one instruction each widens them.
#include "backend/cpu/kernels/float_tiles.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

struct TwoColumns {
  F32 first, second;
};

// One fused multiply-add per column.
struct FloatColumns {
  using Pair = TwoColumns;
  using Span = FloatSpan;

  template <int P, int T>
  static void add(F32 (&sums)[P][T], const Pair (&w)[P], const Span* x, int i) {
    F32 column[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) column[p] = w[p].first;
    add_column<P, T>(sums, column, x, i);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) column[p] = w[p].second;
    add_column<P, T>(sums, column, x, i + 1);
  }

 private:
  // Every third input is a memory operand: with all of them the loads would be the bottleneck, with none the
  // number of instructions.
  template <int P, int T>
  static void add_column(F32 (&sums)[P][T], const F32 (&w)[P], const Span* x, int i) {
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
      const float* value = &x[t].values[i];
      if (t % 3 == 2) {
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sums[p][t] = fma_with(w[p], value, sums[p][t]);
      } else {
        const F32 everywhere = broadcast(*value);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sums[p][t] = fma(w[p], everywhere, sums[p][t]);
      }
    }
  }
};

struct F32Columns : FloatColumns {
  static constexpr int kBytes = 4 * kLanes;  // per column
  static Pair pair(const uint8_t* p) {
    const auto* column = reinterpret_cast<const float*>(p);
    return {load(column), load(column + kLanes)};
  }
};
struct F16Columns : FloatColumns {
  static constexpr int kBytes = 2 * kLanes;
  static Pair pair(const uint8_t* p) {
    const auto* column = reinterpret_cast<const F16*>(p);
    return {load(column), load(column + kLanes)};
  }
};
struct BF16Columns : FloatColumns {
  static constexpr int kBytes = 2 * kLanes;
  static Pair pair(const uint8_t* p) {
    const I32 both = load_register(p);
    return {from_bits(both << 16), from_bits(both & ~0xFFFF)};
  }
};

template <class Columns>
inline void expand(const uint8_t* panel, int cols, float* out) {
  for (int i = 0; i < cols + cols % 2; i += 2) {
    const TwoColumns pair = Columns::pair(panel + static_cast<int64_t>(i) * Columns::kBytes);
    store(out + i * kLanes, pair.first);
    if (i + 1 < cols) store(out + (i + 1) * kLanes, pair.second);
  }
}

}  // namespace

void multiply_f32(const PanelTask& task) { multiply<F32Columns>(task); }
void multiply_f16(const PanelTask& task) { multiply<F16Columns>(task); }
void multiply_bf16(const PanelTask& task) { multiply<BF16Columns>(task); }

void expand_f32(const uint8_t* panel, int cols, float* out) { expand<F32Columns>(panel, cols, out); }
void expand_f16(const uint8_t* panel, int cols, float* out) { expand<F16Columns>(panel, cols, out); }
void expand_bf16(const uint8_t* panel, int cols, float* out) { expand<BF16Columns>(panel, cols, out); }

}  // namespace ferrum::cpu::FERRUM_ISA
