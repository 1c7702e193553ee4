// Which tensors of a checkpoint a packed weight was made of, for what is said about tensors: adapters.
#pragma once
#include <cstdint>
#include <vector>

#include "backend/weight.h"
#include "checkpoint/tensor_role.h"

namespace ferrum {

struct WeightOrigin {
  // Rows of one tensor; of a weight with several matrices, of each of them: the key is that of all.
  struct Part {
    TensorKey key;
    std::vector<int64_t> rows;  // which, in this order; empty: the first `count`
    int64_t count = 0;

    int64_t row(int64_t i) const { return rows.empty() ? i : rows[static_cast<size_t>(i)]; }
  };
  const Weight* weight = nullptr;
  WeightUse use = WeightUse::kMultiply;
  std::vector<Part> parts;  // one below the other
};

}  // namespace ferrum
