// A weight in panels, the layout that the kernels of one instruction set multiply (see kernels.h).
//
// The rows of a group are divided into runs of one format. A run begins a new panel, and so does the middle
// of the rows, so that gate and up of a stack can be taken panel by panel. Packed weights take as many bytes
// as in the checkpoint, plus padding of the last panel of each run.
#pragma once
#include <memory>
#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/cpu/page_memory.h"
#include "backend/weight.h"
#include "base/thread_pool.h"

namespace ferrum::cpu {

// Consecutive panels of one format.
struct PanelRun {
  Format format;
  const uint8_t* panels;
  int64_t panel_bytes;
  int first_panel;  // within the group
  int panel_count;
  int first_row;  // within the group: first row of these panels
  int rows;       // the last panel may be partly filled
  int order;      // the order of its inputs: see CpuWeight::order
};

// The column orders of a weight's parts.
struct ColumnOrders {
  int each = 1;                                         // of a group
  std::vector<std::shared_ptr<const ColumnOrder>> all;  // [groups, each]; null: the inputs' own order
  bool any = false;                                     // that is not the inputs' own
};

// What the memory of kernels depends on.
struct WeightShape {
  int groups = 0;
  int64_t rows = 0;  // of one group
  int64_t cols = 0;
  int orders = 1;  // CpuWeight::orders
  bool has_orders = false;
  std::vector<Format> formats;
  bool of_heads = false;  // WeightUse::kHeads
};
WeightShape shape_of(const WeightSource& source);

class CpuWeight final : public Weight {
 public:
  // Throws std::bad_alloc. Weights that are only looked up stay where the source has them.
  CpuWeight(const WeightSource& source, const Kernels& kernels, ThreadPool& pool, PageArena& memory);

  int panels() const { return panels_; }  // of one group

  // Visits the runs that contain panels [range.begin, range.end) of a group, in order.
  template <class Visit>
  void each_run(int group, Range range, const Visit& visit) const {
    for (const Run& run : runs_) {
      const int begin = range.begin > run.first_panel ? static_cast<int>(range.begin) : run.first_panel;
      const int run_end = run.first_panel + run.panels;
      const int end = range.end < run_end ? static_cast<int>(range.end) : run_end;
      if (begin >= end) continue;
      const int skipped = (begin - run.first_panel) * lanes_;
      const int rows = run.rows - skipped;
      const int most = (end - begin) * lanes_;
      visit(PanelRun{run.format,
                     packed_.get() + static_cast<size_t>(group) * group_bytes_ + run.offset +
                         static_cast<size_t>(begin - run.first_panel) * run.panel_bytes,
                     static_cast<int64_t>(run.panel_bytes), begin, end - begin, run.first_row + skipped,
                     rows < most ? rows : most, run.order});
    }
  }

  // The number of column orders that products of a group take their inputs in: one, or one per part if the
  // parts of any group differ. order() null: the inputs' own order; otherwise column i of the input in that
  // order is column order[i] of the row.
  int orders() const { return orders_.each; }
  bool has_orders() const { return orders_.any; }
  const int32_t* order(int group, int i) const {
    const auto& order =
        orders_.all[static_cast<size_t>(group) * static_cast<size_t>(orders_.each) + static_cast<size_t>(i)];
    return order == nullptr ? nullptr : order->data();
  }

  // Row `row` of group 0 in float32, to out[cols]. `scratch` has room for a span of a panel.
  void look_up(int row, float* out, float* scratch) const;

  // The biases of a group's rows, or null.
  const float* bias(int group) const {
    return bias_.empty() ? nullptr : bias_.data() + static_cast<size_t>(group) * static_cast<size_t>(rows());
  }
  template <class Visit>
  void each_format(const Visit& visit) const {
    for (const Run& run : runs_) visit(run.format);
  }

 private:
  struct Run {
    Format format;
    size_t panel_bytes;
    size_t offset;  // within a group's bytes
    int first_panel;
    int panels;
    int first_row;
    int rows;
    int order;
  };

  void add_run(Format format, Range rows, int order);
  void pack(const WeightSource& source, ThreadPool& pool);

  const Kernels& kernels_;
  int lanes_;
  std::vector<Run> runs_;
  int panels_ = 0;
  size_t group_bytes_ = 0;
  std::shared_ptr<uint8_t> packed_;
  const std::byte* stored_ = nullptr;  // of a weight that is only looked up
  Format stored_format_ = Format::kF32;
  ColumnOrders orders_;
  std::vector<float> bias_;
};

// Every weight passed to a CpuBackend was packed by one.
inline const CpuWeight& as_cpu(const Weight& w) { return dynamic_cast<const CpuWeight&>(w); }

// The size in bytes of a panel's columns [0, cols).
size_t panel_bytes(Format format, int lanes, int cols);

// Bytes of a weight's panels beyond those of its rows.
size_t growth_of(const WeightSource& source, int lanes);

}  // namespace ferrum::cpu
