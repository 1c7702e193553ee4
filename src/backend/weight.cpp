#include "backend/weight.h"

#include "base/check.h"

namespace ferrum {

Weight::Weight(const WeightSource& source) : groups_(source.groups) {
  check(groups_ > 0 && !source.parts.empty(), "a weight has groups and parts");
  for (const WeightSource::Part& part : source.parts) {
    int64_t part_rows = 0;
    for (const HostTensor& tensor : part) {
      part_rows += tensor.rows();
      if (cols_ == 0) cols_ = static_cast<int>(tensor.cols());
      check_equal(tensor.cols(), static_cast<int64_t>(cols_), tensor.name);
    }
    check(part.size() == 1 || static_cast<int>(part.size()) == groups_,
          "a part is one tensor, or one per group");
    check_equal(part_rows % groups_, int64_t{0}, "rows left over after dividing by the groups");
    rows_ += static_cast<int>(part_rows / groups_);
  }
  check(source.bias.empty() || source.bias.size() == static_cast<size_t>(groups_) * rows_,
        "one bias per row");
}

}  // namespace ferrum
