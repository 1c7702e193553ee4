#include "backend/cpu/cpu_weight.h"

#include "base/check.h"

namespace ferrum::cpu {

CpuWeight::CpuWeight(const WeightSource& source) : Weight(source), bias_(source.bias) {
  int first_row = 0;
  for (const WeightSource::Part& tensors : source.parts) {
    Part part = {.first_row = first_row, .rows = 0, .groups = {}};
    for (int group = 0; group < groups(); ++group) {
      const bool one_for_all = tensors.size() == 1;
      const HostTensor& tensor = tensors[one_for_all ? 0 : static_cast<size_t>(group)];
      const int64_t rows = one_for_all ? tensor.rows() / groups() : tensor.rows();
      const size_t row_bytes = ferrum::row_bytes(tensor.format, static_cast<size_t>(cols()));
      check_equal(tensor.bytes.size(), row_bytes * static_cast<size_t>(tensor.rows()),
                  "bytes of " + tensor.name);
      check(group == 0 || rows == part.rows, "the groups of a part are of one size");
      part.rows = static_cast<int>(rows);
      const size_t offset =
          one_for_all ? static_cast<size_t>(group) * static_cast<size_t>(rows) * row_bytes : 0;
      part.groups.push_back({tensor.format, tensor.bytes.data() + offset, row_bytes});
      has_integer_format_ |= !is_float(tensor.format);
    }
    first_row += part.rows;
    parts_.push_back(std::move(part));
  }
}

}  // namespace ferrum::cpu
