// Panels of floats times tiles of float32 inputs: one fused multiply-add per column, in column order.
//
// A panel of F32 or F16 holds column after column; one of BF16 two columns at a time, the earlier in the
// lower half of each lane, so that one instruction each widens them.
#include "backend/cpu/kernels/float_tiles.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

#if defined(__AVX512F__) || defined(FERRUM_NEON)
constexpr bool kFewRegisters = false;
#else
constexpr bool kFewRegisters = true;  // 16
#endif

// One fused multiply-add per column. A pair is an address: with 16 registers a column is loaded when its turn
// comes. If a pair of each panel were in registers, two of the twelve sums would be in memory, and each
// addition to them would wait for a store and a load.
template <class Columns>
struct FloatColumns {
  using Pair = const uint8_t*;
  using Span = FloatSpan;

  static Pair pair(const uint8_t* p) { return p; }

  template <int P, int T>
  static void add(F32 (&sums)[P][T], Pair (&w)[P], const Span* x, int i) {
    F32 column[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) column[p] = Columns::first(w[p]);
    add_column<P, T>(sums, column, x, i);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      if constexpr (kFewRegisters) asm volatile("" : "+r"(w[p]));  // or what was loaded for the first is kept
      column[p] = Columns::second(w[p]);
    }
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

struct F32Columns : FloatColumns<F32Columns> {
  static constexpr int kBytes = 4 * kLanes;  // per column
  static F32 first(const uint8_t* p) { return load(reinterpret_cast<const float*>(p)); }
  static F32 second(const uint8_t* p) { return load(reinterpret_cast<const float*>(p) + kLanes); }
};
struct F16Columns : FloatColumns<F16Columns> {
  static constexpr int kBytes = 2 * kLanes;
  static F32 first(const uint8_t* p) { return load(reinterpret_cast<const F16*>(p)); }
  static F32 second(const uint8_t* p) { return load(reinterpret_cast<const F16*>(p) + kLanes); }
};
struct BF16Columns : FloatColumns<BF16Columns> {
  static constexpr int kBytes = 2 * kLanes;
  static F32 first(const uint8_t* p) { return from_bits(load_register(p) << 16); }
  static F32 second(const uint8_t* p) { return from_bits(high_halves(load_register(p))); }

 private:
  static I32 high_halves(I32 both) {
#if defined(__AVX2__) && !defined(__AVX512F__)  // the mask stays in memory: it is one register too many
    alignas(32) static constexpr int32_t kMask[kLanes] = {~0xFFFF, ~0xFFFF, ~0xFFFF, ~0xFFFF,
                                                          ~0xFFFF, ~0xFFFF, ~0xFFFF, ~0xFFFF};
    asm("vpand %1, %0, %0" : "+x"(both) : "m"(kMask));
    return both;
#else
    return both & ~0xFFFF;
#endif
  }
};

template <class Columns>
inline void expand(const uint8_t* panel, int cols, float* out) {
  for (int i = 0; i < cols + cols % 2; i += 2) {
    const uint8_t* pair = panel + static_cast<int64_t>(i) * Columns::kBytes;
    store(out + i * kLanes, Columns::first(pair));
    if (i + 1 < cols) store(out + (i + 1) * kLanes, Columns::second(pair));
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
