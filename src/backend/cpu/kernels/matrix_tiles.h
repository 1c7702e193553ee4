// Panels of unpacked spans times tiles of quantised inputs with AMX: what tiles.h does with vectors, and with
// the same bits.
//
// A block of an unpacked span is a tile as it lies: row i holds the four bytes of quad i of each lane, which
// is the layout that TDPBSSD takes its second operand in. Its first operand is the same block of up to 16
// tokens, whose spans are a fixed distance apart. The products are [tokens, lanes] sums of 32 bits; vectors
// scale them and add them to the float32 sums. Source: Intel's Software Developer's Manual, TDPBSSD.
#pragma once
#include "backend/cpu/kernels/dots.h"
#include "backend/cpu/kernels/tile_registers.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

// Tiles 0 and 1 are sums of 16 tokens, 2 their inputs, 3 the weights; 4, 5 and 6 are sums and inputs of the
// tokens that are left over.
inline void configure_tiles(int bytes, int rest) {
  TileConfiguration tiles;
  tiles.set(0, kTileRows, kRegister);
  tiles.set(1, kTileRows, kRegister);
  tiles.set(2, kTileRows, bytes);
  tiles.set(3, bytes / 4, kRegister);
  tiles.set(4, rest, kRegister);
  tiles.set(5, rest, kRegister);
  tiles.set(6, rest, bytes);
  tiles.load();
}

// out [tokens, lanes] = the products of one block, or half block. The instructions name their tiles, so there
// is one copy for each pair.
template <bool kRest, int kBuffer>
inline void multiply_block(const int8_t* x, const uint8_t* weights, int32_t* out) {
  constexpr int kStride = sizeof(InputSpan);
  _tile_loadd(3, weights, kRegister);
  if constexpr (kRest) {
    _tile_loadd(6, x, kStride);
    if constexpr (kBuffer == 0) {
      _tile_zero(4);
      _tile_dpbssd(4, 6, 3);
      _tile_stored(4, out, kRegister);
    } else {
      _tile_zero(5);
      _tile_dpbssd(5, 6, 3);
      _tile_stored(5, out, kRegister);
    }
  } else {
    _tile_loadd(2, x, kStride);
    if constexpr (kBuffer == 0) {
      _tile_zero(0);
      _tile_dpbssd(0, 2, 3);
      _tile_stored(0, out, kRegister);
    } else {
      _tile_zero(1);
      _tile_dpbssd(1, 2, 3);
      _tile_stored(1, out, kRegister);
    }
  }
}

// Up to T tokens of one panel: kRest if they are those left over.
template <class Source, int T, bool kRest>
struct MatrixTile {
  static constexpr int kParts = Source::kParts;
  static constexpr int kPartBytes = kBlock / kParts;  // of a token's block

  MatrixTile(const Source& of_span, const InputSpan* inputs) : source(of_span), x(inputs) {}

  // The products of block b go to the buffer of that number.
  template <int kBuffer>
  void begin(int b) {
    const int8_t* quants = x->quants + kBlock * b;
    const uint8_t* weights = source.span + b * 8 * kRegister;
    if constexpr (kParts == 1) {
      multiply_block<kRest, kBuffer>(quants, weights, dots[kBuffer][0]);
    } else {
      multiply_block<kRest, 0>(quants, weights, dots[kBuffer][0]);
      multiply_block<kRest, 1>(quants + kPartBytes, weights + 4 * kRegister, dots[kBuffer][1]);
    }
  }

  I32 dot(int buffer, int part, int t) const {
    return load_register(reinterpret_cast<const uint8_t*>(dots[buffer][part] + t * kLanes));
  }

  // As add_block() in tiles.h.
  void finish(int b, int buffer, F32 (&sums)[T]) const {
    const F32 scale = source.scale(b, 0);
    if constexpr (kParts == 1) {
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) sums[t] = fma(to_float(dot(buffer, 0, t)), scale * x[t].scales[b], sums[t]);
      if constexpr (Source::kHasMin) {
        const F32 min = source.min(b, 0);
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) sums[t] = fma(min, broadcast(x[t].sums[b]), sums[t]);
      }
    } else {
      const F32 second_scale = source.scale(b, 1);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) {
        F32 scaled = to_float(dot(buffer, 0, t)) * scale;
        scaled = fma(to_float(dot(buffer, 1, t)), second_scale, scaled);
        sums[t] = fma(scaled, broadcast(x[t].scales[b]), sums[t]);
      }
      if constexpr (Source::kHasMin) {
        const F32 min = source.min(b, 0);
        const F32 second_min = source.min(b, 1);
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
          sums[t] = fma(min, broadcast(x[t].half_sums[2 * b]), sums[t]);
          sums[t] = fma(second_min, broadcast(x[t].half_sums[2 * b + 1]), sums[t]);
        }
      }
    }
  }

  const Source source;
  const InputSpan* x;
  alignas(64) int32_t dots[2][kParts][T * kLanes];  // left unset: they are written before they are read
};

// The next block's products are computed while this one's are scaled.
template <class Source, int T, bool kRest>
inline void multiply_matrix_tile(const PanelTask& task, int panel, int first, int tokens) {
  float* to = task.sums + panel * task.sums_stride + first * kLanes;
  const uint8_t* span = task.panels + panel * task.panel_stride;
  const InputSpan* x = static_cast<const InputSpan*>(task.inputs) + first;
  F32 sums[T];
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) sums[t] = load(to + t * kLanes);
  for (int col = 0; col < task.cols; col += kSpan, x += task.input_stride, span += Source::kSpanBytes) {
    const int blocks = task.cols - col < kSpan ? (task.cols - col) / kBlock : kBlocks;
    MatrixTile<Source, T, kRest> tile(Source(span, blocks), x);
    tile.template begin<0>(0);
    for (int b = 0; b < blocks; b += 2) {
      if (b + 1 < blocks) tile.template begin<1>(b + 1);
      tile.finish(b, 0, sums);
      if (b + 1 == blocks) break;
      if (b + 2 < blocks) tile.template begin<0>(b + 2);
      tile.finish(b + 1, 1, sums);
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t)
    if (t < tokens) store(to + t * kLanes, sums[t]);
}

template <class Source>
inline void multiply_with_tiles(const PanelTask& task) {
  const int rest = task.tokens % kTileRows;
  const int whole = task.tokens - rest;
  configure_tiles(kBlock / Source::kParts, rest);
  for (int first = 0; first < whole; first += kTileRows)
    for (int p = 0; p < task.panel_count; ++p)
      multiply_matrix_tile<Source, kTileRows, false>(task, p, first, kTileRows);
  if (rest > 0)
    for (int p = 0; p < task.panel_count; ++p) {
      if (rest <= 4)
        multiply_matrix_tile<Source, 4, true>(task, p, whole, rest);
      else if (rest <= 8)
        multiply_matrix_tile<Source, 8, true>(task, p, whole, rest);
      else
        multiply_matrix_tile<Source, 16, true>(task, p, whole, rest);
    }
  _tile_release();
}

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
