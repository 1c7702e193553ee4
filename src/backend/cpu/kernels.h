// The inner loops of the CPU backend, as one table per instruction set. kernels/*.cpp is compiled once for
// each.
//
// What is compiled for AVX-512 must never run on a CPU without it (fault B59), and the linker keeps one copy
// of an inline function, whichever file it came from. So the kernels' files call nothing that is inline with
// external linkage: no std:: templates, no inline functions of ours; their own helpers are `static` in a
// namespace named after the instruction set. A test reads the symbols of the compiled files and fails on a
// weak one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/cpu_features.h"
#include "tensor/dtype.h"
#include "tensor/format.h"

namespace ferrum::cpu {

// Integer rows are handled in spans of 256 values, so rows of quants are padded with zeros to whole spans.
inline constexpr int kSpan = 256;
inline constexpr int kScaleValues = 16;  // values that share a scale, in the finest format
inline constexpr int kRowTile = 4;       // weight rows that are multiplied together

// A weight's row, unpacked: value i = scales[i / 16] × quants[i] + offsets[i / 16]. Quants are unsigned
// bytes, or signed ones for the formats where the instruction set's table says so.
struct UnpackedRow {
  uint8_t* quants;  // [padded columns]
  float* scales;    // [padded columns / 16]
  float* offsets;   // [padded columns / 16]
};

// Rows of activations as signed bytes in −127 … 127, with one scale for every 32 values.
struct QuantizedRows {
  int8_t* quants;  // [rows, padded]
  float* scales;   // [rows, padded / 16]  each scale twice
  float* sums;     // [rows, padded / 16]  scale × sum of the 16 quants
  int64_t padded;  // columns, rounded up to a whole span
};

// A batch of inputs: input i of a tile is row rows[i].
struct Batch {
  const float* x;  // float32 rows, `stride` apart
  int64_t stride;
  QuantizedRows quantized;  // the same rows, where an integer format needs them
  const int32_t* rows;
  int count;
};

// Up to kRowTile rows of a weight times a batch: out[i × out_stride + r] = row r · input i + bias[r].
struct TileOutput {
  float* out;
  int64_t stride;
  const float* bias;  // of the tile's first row, or null
};
struct Int8Tile {
  UnpackedRow rows[kRowTile];
  int row_count;
  TileOutput output;
};
struct FloatTile {
  const uint8_t* rows;
  size_t row_bytes;
  int row_count;
  int cols;
  TileOutput output;
};

// One token and the q heads that share one kv head.
struct AttentionTask {
  const float* q;    // [heads, head_dim]
  float* out;        // [heads, head_dim]
  const uint8_t* k;  // row 0 of the pages, at this kv head
  const uint8_t* v;
  int64_t kv_stride;  // bytes between the rows of the pages
  const int32_t* pages;
  int page_tokens;
  int first;  // positions first … last are seen
  int last;
  int heads;
  int head_dim;
  float scale;
};

struct HeadTask {
  float* head;  // [head_dim], changed in place
  int head_dim;
  const float* norm;  // [head_dim], or null
  float norm_eps;
  const float* cos_sin;  // [rotary_dim]: the cosines, then the sines
  int rotary_dim;
  int step;     // between the two elements of a pair …
  int spacing;  // … and between one pair and the next
};

struct Kernels {
  void (*rms_norm)(float* out, const float* x, const float* weight, int n, float eps);
  void (*add)(float* to, const float* x, int n);                                 // to += x
  void (*add_scaled)(float* to, const float* x, float scale, int n);             // to += scale × x
  void (*silu_multiply)(float* out, const float* gate, const float* up, int n);  // silu(gate) × up
  float (*sum_of_exp)(const float* x, int n, float highest);                     // Σ e^(x − highest)

  // Row `row` of `rows`, from n float32 values. A NaN or an infinity makes its scale NaN.
  void (*quantize)(const float* x, int n, const QuantizedRows& rows, int64_t row);

  // Integer formats; null for the float ones.
  void (*unpack[kFormatCount])(const uint8_t* row, int cols, const UnpackedRow& out);
  void (*expand[kFormatCount])(const UnpackedRow& row, int cols, float* out);  // to float32
  void (*multiply_int8[kFormatCount])(const Int8Tile& tile, const Batch& batch);

  void (*multiply_float[3])(const FloatTile& tile, const Batch& batch);  // weights in F32, F16, BF16

  // By the cache's DType: F32, F16, BF16.
  void (*convert[3])(void* out, const float* x, int n);
  void (*attend[3])(const AttentionTask& task);

  void (*prepare_head)(const HeadTask& task);  // RMS norm, if any, and rotation
};

// For a set that missing_for() says can run here.
const Kernels& kernels_for(Isa isa);

}  // namespace ferrum::cpu
