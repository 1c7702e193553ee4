// Products of weight rows and batches, with the memory that they need on the way.
//
// Memory is sized when weights are packed (reserve), for batches of up to kMaxBatch rows; more rows are taken
// in several batches by the caller. Each worker has memory of its own for the rows that it unpacks.
#pragma once
#include <vector>

#include "backend/cpu/aligned_array.h"
#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/kernels.h"
#include "base/thread_pool.h"

namespace ferrum::cpu {

// How inputs meet weights of integer formats. Weights of float formats always meet float32.
enum class Activations : uint8_t {
  kInt8,     // quantised to bytes, 32 values to a scale: fast
  kFloat32,  // the weights are decoded to float32
};

constexpr int64_t padded_to_span(int64_t cols) { return (cols + kSpan - 1) / kSpan * kSpan; }

// Rows of quantised activations that own their memory.
class QuantizedArray {
 public:
  void grow(int64_t rows, int64_t cols);
  QuantizedRows rows_of(int64_t cols) const;  // the memory seen as rows of so many columns

 private:
  AlignedArray<int8_t> quants_;
  AlignedArray<float> scales_;
  AlignedArray<float> sums_;
};

inline constexpr int kMaxBatch = 512;

// Rows of a batch that are handled together, at most kMaxBatch, so that they stay in the second-level cache
// while weights pass by.
int batch_rows(int64_t cols);

class Matmul {
 public:
  Matmul(const Kernels& kernels, Activations activations, int workers);

  // For weights of `cols` columns; not within an operation.
  void reserve(int64_t cols);

  bool quantizes(const CpuWeight& w) const {
    return activations_ == Activations::kInt8 && w.has_integer_format();
  }

  // Rows in `rows` of a group times a batch: input i times row r goes to out[i × stride + r − rows.begin].
  void multiply(const CpuWeight& w, int group, Range rows, const Batch& batch, float* out, int64_t stride,
                int worker) const;

 private:
  struct Memory {  // of one worker, for kRowTile rows
    AlignedArray<uint8_t> quants;
    AlignedArray<float> scales;
    AlignedArray<float> offsets;
    AlignedArray<float> decoded;  // only where activations are float32
  };

  UnpackedRow unpacked_row(const Memory& memory, int r) const;
  void multiply_int8(const RowRun& run, int cols, const Batch& batch, TileOutput output,
                     const Memory& memory) const;
  void multiply_decoded(const RowRun& run, int cols, const Batch& batch, TileOutput output,
                        const Memory& memory) const;

  const Kernels& kernels_;
  Activations activations_;
  int64_t padded_ = 0;  // the widest row that there is memory for
  std::vector<Memory> memory_;
};

}  // namespace ferrum::cpu
