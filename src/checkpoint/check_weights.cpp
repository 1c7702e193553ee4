#include "checkpoint/check_weights.h"

#include <algorithm>
#include <cmath>

namespace ferrum {
namespace {

std::vector<int64_t> position_of(int64_t element, const std::vector<int64_t>& shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t d = shape.size(); d-- > 0; element /= shape[d]) position[d] = element % shape[d];
  return position;
}

}  // namespace

std::optional<BadWeight> first_bad_weight(const HostTensor& tensor) {
  const int64_t cols = tensor.cols();
  std::vector<float> row(static_cast<size_t>(cols));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    traits(tensor.format).decode(tensor.row(r).data(), row.data(), row.size());
    const auto bad = std::find_if(row.begin(), row.end(), [](float v) { return !std::isfinite(v); });
    if (bad != row.end()) return BadWeight{position_of(r * cols + (bad - row.begin()), tensor.shape), *bad};
  }
  return std::nullopt;
}

}  // namespace ferrum
