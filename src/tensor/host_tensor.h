// A tensor of a checkpoint: name, format, shape, and the mapped bytes or a RowMaker that produces them. A
// view: the mapped file must outlive it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "tensor/format.h"

namespace ferrum {

// Produces rows of a tensor on demand where its file stores them in another layout, so that packing needs no
// second copy of the whole tensor. Immutable and thread-safe.
class RowMaker {
 public:
  virtual ~RowMaker() = default;

  // Rows [first, first + count) in the tensor's format, one after the other. Sixteen rows per call
  // are much faster than one.
  virtual void make(int64_t first, int64_t count, std::byte* out) const = 0;

  // The parts of the file from which the rows are made.
  virtual std::vector<std::span<const std::byte>> stored() const = 0;
};

// Column i of a stored row is column order[i] of the matrix. A permutation.
using ColumnOrder = std::vector<int32_t>;

struct HostTensor {
  std::string name;
  Format format = Format::kF32;
  std::vector<int64_t> shape;        // outermost first, as in PyTorch; the last is the row length
  std::span<const std::byte> bytes;  // rows() × row_bytes(format, cols()), no padding; empty with a maker
  std::shared_ptr<const RowMaker> maker = nullptr;
  std::shared_ptr<const ColumnOrder> column_order = nullptr;  // null: the matrix' own order

  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const {
    int64_t n = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) n *= shape[i];
    return n;
  }
  int64_t elements() const { return rows() * cols(); }

  // The size of all rows in the format, also if a maker produces them.
  size_t byte_size() const {
    return static_cast<size_t>(rows()) * row_bytes(format, static_cast<size_t>(cols()));
  }

  // The stored bytes. Requires that there is no maker.
  std::span<const std::byte> row(int64_t r) const {
    const size_t n = row_bytes(format, static_cast<size_t>(cols()));
    return bytes.subspan(static_cast<size_t>(r) * n, n);
  }
};

// Rows [first, first + count) in float32, row-major, with their columns in the matrix' own order.
void decode_rows(const HostTensor& tensor, int64_t first, int64_t count, float* out);

// All elements in float32, row-major, columns in the matrix' own order.
std::vector<float> decoded(const HostTensor& tensor);

}  // namespace ferrum
