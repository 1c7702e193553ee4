// Unpacked rows of a weight times quantised activations.
//
//   out = Σ over spans  Σ over 16-value parts s  weight_scale[s] · x_scale[s] · (integer dot product of part
//   s)
//                                              + weight_offset[s] · x_sum[s]
//
// Integer products and their sums of four are exact. A register lane adds up its float32 terms in order of
// the spans, and the lanes are added at the row's end: an order fixed by the number of columns alone.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// One span of a row.
struct WeightSpan {
  const uint8_t* quants;
  const float* scales;
  const float* offsets;
};
struct InputSpan {
  const int8_t* quants;
  const float* scales;
  const float* sums;
};

#if defined(__AVX512VNNI__)

// Lane i of product `part` belongs to the 16 values 4 × part + i / 4.
inline F32 add_span(F32 sum, const WeightSpan& w, const InputSpan& x) {
  const __m512 scales = load(w.scales) * load(x.scales);
  sum = fma(load(w.offsets), load(x.sums), sum);
  const __m512i quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  for (int part = 0; part < 4; ++part) {
    const __m512i product =
        _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(w.quants + 64 * part),
                            _mm512_loadu_si512(x.quants + 64 * part));
    const __m512i index = _mm512_add_epi32(quarters, _mm512_set1_epi32(4 * part));
    sum = fma(_mm512_cvtepi32_ps(product), _mm512_permutexvar_ps(index, scales), sum);
  }
  return sum;
}
template <bool kWide>
inline F32 add_span_of(F32 sum, const WeightSpan& w, const InputSpan& x) {
  return add_span(sum, w, x);
}

#elif defined(__AVX2__)

// Sums of four neighbouring products. The intermediate sums of two fit into 16 bits: 2 × 127 × 127 where
// quants are below 128, and 2 × 128 × 127 for magnitudes of signed ones.
template <bool kWide>
inline __m256i sums_of_four(const uint8_t* w_quants, const int8_t* x_quants) {
  __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w_quants));
  __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x_quants));
  if constexpr (kWide) {
    x = _mm256_sign_epi8(x, w);
    w = _mm256_abs_epi8(w);
  }
  return _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1));
}

template <bool kWide>
inline F32 add_span_of(F32 sum, const WeightSpan& w, const InputSpan& x) {
  const __m256i halves = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  for (int side = 0; side < 2; ++side) {
    const __m256 scales = load(w.scales + 8 * side) * load(x.scales + 8 * side);
    sum = fma(load(w.offsets + 8 * side), load(x.sums + 8 * side), sum);
    for (int part = 0; part < 4; ++part) {
      const int at = 128 * side + 32 * part;
      const __m256i product = sums_of_four<kWide>(w.quants + at, x.quants + at);
      const __m256i index = _mm256_add_epi32(halves, _mm256_set1_epi32(2 * part));
      sum = fma(_mm256_cvtepi32_ps(product), _mm256_permutevar8x32_ps(scales, index), sum);
    }
  }
  return sum;
}

#else

template <bool kWide>
inline F32 add_span_of(F32 sum, const WeightSpan& w, const InputSpan& x) {
  for (int part = 0; part < kSpan / kScaleValues; ++part) {
    int32_t product = 0;
    for (int i = 0; i < kScaleValues; ++i)
      product += static_cast<int32_t>(w.quants[kScaleValues * part + i]) * x.quants[kScaleValues * part + i];
    sum[part % kLanes] +=
        static_cast<float>(product) * (w.scales[part] * x.scales[part]) + w.offsets[part] * x.sums[part];
  }
  return sum;
}

#endif

template <bool kWide, int kRows, int kInputs>
inline void multiply_inputs(const Int8Tile& tile, int first_row, const Batch& batch, int first_input) {
  const int64_t padded = batch.quantized.padded;
  F32 sums[kRows][kInputs] = {};
  InputSpan inputs[kInputs];
  for (int t = 0; t < kInputs; ++t) {
    const int64_t row = batch.rows[first_input + t];
    inputs[t] = {batch.quantized.quants + row * padded, batch.quantized.scales + row * padded / kScaleValues,
                 batch.quantized.sums + row * padded / kScaleValues};
  }
  for (int64_t at = 0; at < padded; at += kSpan) {
    const int64_t scale_at = at / kScaleValues;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const UnpackedRow& row = tile.rows[first_row + r];
      const WeightSpan w = {row.quants + at, row.scales + scale_at, row.offsets + scale_at};
#pragma GCC unroll 4
      for (int t = 0; t < kInputs; ++t) {
        const InputSpan x = {inputs[t].quants + at, inputs[t].scales + scale_at, inputs[t].sums + scale_at};
        sums[r][t] = add_span_of<kWide>(sums[r][t], w, x);
      }
    }
  }
  const TileOutput& to = tile.output;
  for (int t = 0; t < kInputs; ++t)
    for (int r = 0; r < kRows; ++r)
      to.out[(first_input + t) * to.stride + first_row + r] =
          sum(sums[r][t]) + (to.bias != nullptr ? to.bias[first_row + r] : 0.0f);
}

template <bool kWide, int kRows>
inline void multiply_rows(const Int8Tile& tile, int first_row, const Batch& batch) {
  constexpr int kInputs = kLanes == 16 ? 4 : 2;  // as many sums as the registers hold
  int t = 0;
  for (; t + kInputs <= batch.count; t += kInputs)
    multiply_inputs<kWide, kRows, kInputs>(tile, first_row, batch, t);
  for (; t < batch.count; ++t) multiply_inputs<kWide, kRows, 1>(tile, first_row, batch, t);
}

template <bool kWide>
inline void multiply_tile(const Int8Tile& tile, const Batch& batch) {
  if (tile.row_count == kRowTile) return multiply_rows<kWide, kRowTile>(tile, 0, batch);
  for (int r = 0; r < tile.row_count; ++r) multiply_rows<kWide, 1>(tile, r, batch);
}

template <class Quant>
inline void expand_row(const UnpackedRow& row, int cols, float* out) {
  const auto* quants = reinterpret_cast<const Quant*>(row.quants);
  for (int s = 0; s < cols / kScaleValues; ++s)
    for (int i = 0; i < kScaleValues; ++i)
      out[kScaleValues * s + i] =
          static_cast<float>(quants[kScaleValues * s + i]) * row.scales[s] + row.offsets[s];
}

}  // namespace

void multiply_int8(const Int8Tile& tile, const Batch& batch) { multiply_tile<false>(tile, batch); }
void multiply_int8_wide(const Int8Tile& tile, const Batch& batch) {
  multiply_tile<kWideQuantsAreSigned>(tile, batch);
}

void expand(const UnpackedRow& row, int cols, float* out) { expand_row<uint8_t>(row, cols, out); }
void expand_wide(const UnpackedRow& row, int cols, float* out) {
  if constexpr (kWideQuantsAreSigned)
    expand_row<int8_t>(row, cols, out);
  else
    expand_row<uint8_t>(row, cols, out);
}

}  // namespace ferrum::cpu::FERRUM_ISA
