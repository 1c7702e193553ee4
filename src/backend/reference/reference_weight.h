// A weight left where the checkpoint has it, or made where the checkpoint has it otherwise; rows are decoded
// when they are needed.
#pragma once
#include <vector>

#include "backend/weight.h"

namespace ferrum {

class ReferenceWeight final : public Weight {
 public:
  explicit ReferenceWeight(const WeightSource& source);

  // Row `row` of matrix `group`, in float32, columns in their own order.
  void decode_row(int group, int row, float* out) const;
  float bias(int group, int row) const {
    return bias_.empty() ? 0.0f : bias_[static_cast<size_t>(group) * rows() + row];
  }

 private:
  struct Row {
    Format format;
    const std::byte* data;
    const ColumnOrder* order;
  };
  const std::byte* bytes_of(const HostTensor& tensor);

  std::vector<Row> rows_;  // [groups × rows]
  std::vector<std::vector<std::byte>> made_;
  std::vector<std::shared_ptr<const ColumnOrder>> orders_;
  std::vector<float> bias_;
};

inline const ReferenceWeight& as_reference(const Weight& w) {
  return dynamic_cast<const ReferenceWeight&>(w);
}

}  // namespace ferrum
