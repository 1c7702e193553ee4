#include "backend/reference/reference_weight.h"

namespace ferrum {

ReferenceWeight::ReferenceWeight(const WeightSource& source) : Weight(source), bias_(source.bias) {
  rows_.resize(static_cast<size_t>(groups()) * rows());
  int64_t part_begin = 0;
  for (const WeightSource::Part& part : source.parts) {
    const int64_t groups_of_tensor = part.size() == 1 ? groups() : 1;
    int64_t count = 0;
    for (size_t i = 0; i < part.size(); ++i) {
      const HostTensor& tensor = part[i];
      const std::byte* data = bytes_of(tensor);
      const size_t bytes = row_bytes(tensor.format, static_cast<size_t>(cols()));
      count = tensor.rows() / groups_of_tensor;
      for (int64_t r = 0; r < tensor.rows(); ++r, data += bytes) {
        const int64_t group = static_cast<int64_t>(i) + r / count;
        rows_[static_cast<size_t>(group * rows() + part_begin + r % count)] = {tensor.format, data,
                                                                               tensor.column_order.get()};
      }
    }
    part_begin += count;
  }
}

const std::byte* ReferenceWeight::bytes_of(const HostTensor& tensor) {
  if (tensor.column_order != nullptr) orders_.push_back(tensor.column_order);
  if (tensor.maker == nullptr) return tensor.bytes.data();
  std::vector<std::byte>& made = made_.emplace_back(tensor.byte_size());
  tensor.maker->make(0, tensor.rows(), made.data());
  return made.data();
}

void ReferenceWeight::decode_row(int group, int row, float* out) const {
  const Row& r = rows_[static_cast<size_t>(group) * rows() + row];
  const auto count = static_cast<size_t>(cols());
  if (r.order == nullptr) return traits(r.format).decode(r.data, out, count);
  std::vector<float> stored(count);
  traits(r.format).decode(r.data, stored.data(), count);
  for (size_t i = 0; i < count; ++i) out[(*r.order)[i]] = stored[i];
}

}  // namespace ferrum
