#include "checkpoint/check_weights.h"

#include <algorithm>
#include <cmath>

namespace ferrum {
namespace {

constexpr int64_t kRowsTogether = 16;

std::vector<int64_t> position_of(int64_t element, const std::vector<int64_t>& shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t d = shape.size(); d-- > 0; element /= shape[d]) position[d] = element % shape[d];
  return position;
}

}  // namespace

std::optional<BadWeight> first_bad_weight(const HostTensor& tensor) {
  const int64_t cols = tensor.cols();
  const int64_t together = std::min(kRowsTogether, tensor.rows());
  std::vector<float> rows(static_cast<size_t>(together * cols));
  for (int64_t r = 0; r < tensor.rows(); r += together) {
    const int64_t count = std::min(together, tensor.rows() - r);
    decode_rows(tensor, r, count, rows.data());
    const auto end = rows.begin() + count * cols;
    const auto bad = std::find_if(rows.begin(), end, [](float v) { return !std::isfinite(v); });
    if (bad != end) return BadWeight{position_of(r * cols + (bad - rows.begin()), tensor.shape), *bad};
  }
  return std::nullopt;
}

}  // namespace ferrum
