// A Tensor is a non-owning, row-major 2-D view of device memory. A Buffer owns the memory.
#pragma once
#include <cstddef>

#include "tensor/dtype.h"

namespace ferrum {

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int rows = 0;
  int cols = 0;
  int stride = 0;  // elements between rows

  bool empty() const { return data == nullptr; }
  size_t bytes() const {
    return rows == 0 ? 0 : (static_cast<size_t>(rows - 1) * stride + cols) * size_of(dtype);
  }
  Tensor first_rows(int n) const { return {data, dtype, n, cols, stride}; }
  Tensor rows_at(int first, int count) const { return {address(first, 0), dtype, count, cols, stride}; }
  Tensor row(int r) const { return {address(r, 0), dtype, 1, cols, stride}; }
  Tensor columns(int begin, int count) const { return {address(0, begin), dtype, rows, count, stride}; }

  // For host memory only: element (r, c) of a tensor whose elements are T.
  template <class T>
  T* at(int r, int c = 0) const {
    return static_cast<T*>(data) + static_cast<size_t>(r) * stride + c;
  }
  void* address(int r, int c) const {
    return static_cast<std::byte*>(data) + (static_cast<size_t>(r) * stride + c) * size_of(dtype);
  }
};

}  // namespace ferrum
