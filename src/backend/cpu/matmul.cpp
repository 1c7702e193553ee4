#include "backend/cpu/matmul.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

const uint8_t* bytes_of(const std::byte* data) { return reinterpret_cast<const uint8_t*>(data); }

}  // namespace

void QuantizedArray::grow(int64_t rows, int64_t cols) {
  const auto values = static_cast<size_t>(rows * padded_to_span(cols));
  quants_.grow(values);
  scales_.grow(values / kScaleValues);
  sums_.grow(values / kScaleValues);
}

QuantizedRows QuantizedArray::rows_of(int64_t cols) const {
  return {quants_.data(), scales_.data(), sums_.data(), padded_to_span(cols)};
}

Matmul::Matmul(const Kernels& kernels, Activations activations, int workers)
    : kernels_(kernels), activations_(activations), memory_(static_cast<size_t>(workers)) {}

void Matmul::reserve(int64_t cols) {
  padded_ = std::max(padded_, padded_to_span(cols));
  const auto values = static_cast<size_t>(padded_) * kRowTile;
  for (Memory& memory : memory_) {
    memory.quants.grow(values);
    memory.scales.grow(values / kScaleValues);
    memory.offsets.grow(values / kScaleValues);
    if (activations_ == Activations::kFloat32) memory.decoded.grow(values);
  }
}

UnpackedRow Matmul::unpacked_row(const Memory& memory, int r) const {
  const int64_t at = r * padded_;
  return {memory.quants.data() + at, memory.scales.data() + at / kScaleValues,
          memory.offsets.data() + at / kScaleValues};
}

void Matmul::multiply(const CpuWeight& w, int group, Range rows, const Batch& batch, float* out,
                      int64_t stride, int worker) const {
  const Memory& memory = memory_[static_cast<size_t>(worker)];
  const float* bias = w.bias(group);
  w.each_run(group, rows, [&](const RowRun& run) {
    for (int r = 0; r < run.rows; r += kRowTile) {
      RowRun tile = run;
      tile.data += static_cast<size_t>(r) * run.row_bytes;
      tile.first_row += r;
      tile.rows = std::min(kRowTile, run.rows - r);
      const TileOutput output = {out + tile.first_row - rows.begin, stride,
                                 bias == nullptr ? nullptr : bias + tile.first_row};
      if (is_float(run.format))
        kernels_.multiply_float[static_cast<int>(run.format)](
            {bytes_of(tile.data), tile.row_bytes, tile.rows, w.cols(), output}, batch);
      else if (activations_ == Activations::kInt8)
        multiply_int8(tile, w.cols(), batch, output, memory);
      else
        multiply_decoded(tile, w.cols(), batch, output, memory);
    }
  });
}

void Matmul::multiply_int8(const RowRun& run, int cols, const Batch& batch, TileOutput output,
                           const Memory& memory) const {
  const auto format = static_cast<int>(run.format);
  Int8Tile tile = {.rows = {}, .row_count = run.rows, .output = output};
  for (int r = 0; r < run.rows; ++r) {
    tile.rows[r] = unpacked_row(memory, r);
    kernels_.unpack[format](bytes_of(run.data) + static_cast<size_t>(r) * run.row_bytes, cols, tile.rows[r]);
  }
  kernels_.multiply_int8[format](tile, batch);
}

void Matmul::multiply_decoded(const RowRun& run, int cols, const Batch& batch, TileOutput output,
                              const Memory& memory) const {
  const auto format = static_cast<int>(run.format);
  for (int r = 0; r < run.rows; ++r) {
    const UnpackedRow row = unpacked_row(memory, 0);
    kernels_.unpack[format](bytes_of(run.data) + static_cast<size_t>(r) * run.row_bytes, cols, row);
    kernels_.expand[format](row, cols, memory.decoded.data() + r * padded_);
  }
  kernels_.multiply_float[static_cast<int>(Format::kF32)](
      {reinterpret_cast<const uint8_t*>(memory.decoded.data()), static_cast<size_t>(padded_) * sizeof(float),
       run.rows, cols, output},
      batch);
}

int batch_rows(int64_t cols) {
  constexpr int64_t kCacheBytes = 512 << 10;
  const int64_t row_bytes =
      padded_to_span(cols) * 3 / 2;  // quants, and eight bytes of scale and sum for 16 of them
  const int64_t rows = kCacheBytes / row_bytes / 4 * 4;
  return static_cast<int>(std::clamp<int64_t>(rows, 16, kMaxBatch));
}

}  // namespace ferrum::cpu
