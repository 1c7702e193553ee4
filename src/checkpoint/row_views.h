// Tensors whose rows are those of another in a different order, made row by row.
#pragma once
#include <string_view>
#include <vector>

#include "tensor/host_tensor.h"

namespace ferrum {

// Of every matrix of a [n, rows, cols] tensor rows 0, 2, 4, … and then 1, 3, 5, ….
HostTensor even_then_odd_rows(const HostTensor& tensor);
// Of every row columns 0, 2, 4, … and then 1, 3, 5, …. REQUIRES: a float format.
HostTensor even_then_odd_columns(const HostTensor& tensor);
// [n, rows, cols] becomes [n, cols, rows]. REQUIRES: a float format.
HostTensor transposed(const HostTensor& tensor);

// The halves of the rows of all tensors that have `both` in their names, as tensors that have `first` and
// `second` in its place; others, and what cannot be halved, stay as they are.
void split_halves(std::vector<HostTensor>& tensors, std::string_view both, std::string_view first,
                  std::string_view second);

// A matrix of these rows of another, in this order.
HostTensor selected_rows(const HostTensor& tensor, std::vector<int64_t> rows);

// These columns of every row, in this order. REQUIRES: a float format.
HostTensor selected_columns(const HostTensor& tensor, std::vector<int64_t> columns);

}  // namespace ferrum
