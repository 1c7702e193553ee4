// A weight read where the checkpoint has it: a mapped file needs no second copy in memory.
#pragma once
#include <vector>

#include "backend/weight.h"
#include "base/thread_pool.h"

namespace ferrum::cpu {

// Rows of one format, one below the other in memory.
struct RowRun {
  Format format;
  const std::byte* data;
  size_t row_bytes;
  int first_row;  // within the group
  int rows;
};

class CpuWeight final : public Weight {
 public:
  explicit CpuWeight(const WeightSource& source);

  // The runs that rows [range.begin, range.end) of a group consist of, in order.
  template <class Visit>
  void each_run(int group, Range range, const Visit& visit) const {
    for (const Part& part : parts_) {
      const int begin =
          static_cast<int>(range.begin) > part.first_row ? static_cast<int>(range.begin) : part.first_row;
      const int part_end = part.first_row + part.rows;
      const int end = static_cast<int>(range.end) < part_end ? static_cast<int>(range.end) : part_end;
      if (begin >= end) continue;
      const PartRows& rows = part.groups[static_cast<size_t>(group)];
      visit(RowRun{rows.format, rows.data + static_cast<size_t>(begin - part.first_row) * rows.row_bytes,
                   rows.row_bytes, begin, end - begin});
    }
  }

  // Null, or the biases of a group's rows.
  const float* bias(int group) const {
    return bias_.empty() ? nullptr : bias_.data() + static_cast<size_t>(group) * static_cast<size_t>(rows());
  }
  bool has_integer_format() const { return has_integer_format_; }

 private:
  struct PartRows {
    Format format;
    const std::byte* data;
    size_t row_bytes;
  };
  struct Part {
    int first_row;
    int rows;
    std::vector<PartRows> groups;
  };

  std::vector<Part> parts_;
  std::vector<float> bias_;
  bool has_integer_format_ = false;
};

inline const CpuWeight& as_cpu(const Weight& w) { return dynamic_cast<const CpuWeight&>(w); }

}  // namespace ferrum::cpu
