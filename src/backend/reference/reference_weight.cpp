#include "backend/reference/reference_weight.h"

namespace ferrum {

ReferenceWeight::ReferenceWeight(const WeightSource& source) : Weight(source), bias_(source.bias) {
  rows_.reserve(static_cast<size_t>(groups()) * rows());
  for (int group = 0; group < groups(); ++group) {
    for (const WeightSource::Part& part : source.parts) {
      const bool one_tensor = part.size() == 1;
      const HostTensor& tensor = one_tensor ? part[0] : part[group];
      const int64_t count = one_tensor ? tensor.rows() / groups() : tensor.rows();
      const int64_t first = one_tensor ? group * count : 0;
      for (int64_t r = 0; r < count; ++r) rows_.push_back({tensor.format, tensor.row(first + r).data()});
    }
  }
}

void ReferenceWeight::decode_row(int group, int row, float* out) const {
  const Row& r = rows_[static_cast<size_t>(group) * rows() + row];
  traits(r.format).decode(r.data, out, static_cast<size_t>(cols()));
}

}  // namespace ferrum
