// A tensor as a checkpoint's reader found it: name, format, shape and the mapped bytes. A view: whoever
// mapped the file must outlive it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "tensor/format.h"

namespace ferrum {

struct HostTensor {
  std::string name;
  Format format = Format::kF32;
  std::vector<int64_t> shape;        // outermost first, as in PyTorch; the last is the length of a row
  std::span<const std::byte> bytes;  // rows() × row_bytes(format, cols()), no padding

  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const {
    int64_t n = 1;
    for (size_t i = 0; i + 1 < shape.size(); ++i) n *= shape[i];
    return n;
  }
  int64_t elements() const { return rows() * cols(); }

  std::span<const std::byte> row(int64_t r) const {
    const size_t n = row_bytes(format, static_cast<size_t>(cols()));
    return bytes.subspan(static_cast<size_t>(r) * n, n);
  }
  // Rows [begin, begin + count) of a matrix, as a matrix.
  HostTensor row_range(int64_t begin, int64_t count) const {
    check(shape.size() == 2 && begin >= 0 && begin + count <= shape[0], "row_range within a matrix");
    const size_t n = row_bytes(format, static_cast<size_t>(cols()));
    return {name,
            format,
            {count, cols()},
            bytes.subspan(static_cast<size_t>(begin) * n, static_cast<size_t>(count) * n)};
  }
};

// All elements in float32, row-major.
std::vector<float> decoded(const HostTensor& tensor);

}  // namespace ferrum
