#include "tensor/host_tensor.h"

#include <algorithm>

namespace ferrum {

void decode_rows(const HostTensor& tensor, int64_t first, int64_t count, float* out) {
  const auto cols = static_cast<size_t>(tensor.cols());
  const size_t values = static_cast<size_t>(count) * cols;
  const size_t bytes = row_bytes(tensor.format, values);
  const size_t begin = static_cast<size_t>(first) * row_bytes(tensor.format, cols);
  if (tensor.maker == nullptr) {
    check(begin + bytes <= tensor.bytes.size(), "rows of " + tensor.name);
    traits(tensor.format).decode(tensor.bytes.data() + begin, out, values);
  } else {
    std::vector<std::byte> made(bytes);
    tensor.maker->make(first, count, made.data());
    traits(tensor.format).decode(made.data(), out, values);
  }
  if (tensor.column_order == nullptr) return;
  std::vector<float> stored(cols);
  for (int64_t r = 0; r < count; ++r, out += cols) {
    std::copy_n(out, cols, stored.begin());
    for (size_t i = 0; i < cols; ++i) out[(*tensor.column_order)[i]] = stored[i];
  }
}

std::vector<float> decoded(const HostTensor& tensor) {
  std::vector<float> out(static_cast<size_t>(tensor.elements()));
  if (tensor.maker == nullptr)
    check_equal(tensor.bytes.size(), row_bytes(tensor.format, out.size()), "bytes of " + tensor.name);
  decode_rows(tensor, 0, tensor.rows(), out.data());
  return out;
}

}  // namespace ferrum
