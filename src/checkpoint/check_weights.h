// Finds weights that are NaN or infinite (fault B23). `inspect --check` runs it over every tensor.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tensor/host_tensor.h"

namespace ferrum {

struct BadWeight {
  std::vector<int64_t> position;  // one index for each dimension of the tensor
  float value = 0;                // NaN or an infinity
  bool operator==(const BadWeight&) const = default;
};

// The first weight, row by row, that is NaN or infinite. Memory: 16 rows in float32.
std::optional<BadWeight> first_bad_weight(const HostTensor& tensor);

}  // namespace ferrum
