// A weight left where the checkpoint has it; rows are decoded when they are needed.
#pragma once
#include <vector>

#include "backend/weight.h"

namespace ferrum {

class ReferenceWeight final : public Weight {
 public:
  explicit ReferenceWeight(const WeightSource& source);

  // Row `row` of matrix `group`, in float32.
  void decode_row(int group, int row, float* out) const;
  float bias(int group, int row) const {
    return bias_.empty() ? 0.0f : bias_[static_cast<size_t>(group) * rows() + row];
  }

 private:
  struct Row {
    Format format;
    const std::byte* data;
  };
  std::vector<Row> rows_;  // [groups × rows]
  std::vector<float> bias_;
};

inline const ReferenceWeight& as_reference(const Weight& w) {
  return dynamic_cast<const ReferenceWeight&>(w);
}

}  // namespace ferrum
