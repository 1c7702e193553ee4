#include "backend/cpu/added_ranks.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum::cpu {
namespace {

constexpr int kRanksTogether = 8;  // of one unit of the first pass

int index_of(DType t) {
  check(t == DType::kF32 || t == DType::kF16 || t == DType::kBF16, "matrices of low rank are floats");
  return static_cast<int>(t);
}

// Runs each task of each(body) once the one behind it is known, which announce(task, next) makes it prefetch.
template <class Task, class Each, class Announce>
void run_one_behind(void (*const* kernels)(const Task&), const Each& each, const Announce& announce) {
  Task waiting = {};
  int type = -1;  // of `waiting`; -1: no task waits
  each([&](const Task& task, int type_of_task) {
    if (type >= 0) {
      announce(waiting, task);
      kernels[type](waiting);
    }
    waiting = task;
    type = type_of_task;
  });
  waiting.next = nullptr;
  if (type >= 0) kernels[type](waiting);
}

int64_t units_of(int rank) { return (rank + kRanksTogether - 1) / kRanksTogether; }

}  // namespace

RankSums::RankSums(const Kernels& kernels, const AddedRanks& added, Tensor x)
    : kernels_(kernels), added_(added), x_(x) {
  check(x.rows <= kAdapterBlock && added.rows.matrix.empty(), "a block of rows, of a weight with one matrix");
  const AdapterRows& rows = added.rows;
  const auto row_at = [&](int i) { return rows.order.empty() ? i : *rows.order.at<int32_t>(i); };
  int last_slot = -1;
  for (int i = 0; i < x.rows; ++i) {
    const int row = row_at(i), slot = *rows.slots.at<int32_t>(row);
    if (slot < 0) continue;
    check(slot < static_cast<int>(added.adapters.size()), "a slot of an adapter");
    const std::vector<LowRank>& parts = added.adapters[static_cast<size_t>(slot)];
    if (parts.empty()) continue;
    if (slot != last_slot || tiles_[static_cast<size_t>(count_ - 1)].tokens == kTileTokens) {
      Tile& tile = tiles_[static_cast<size_t>(count_++)];
      tile.tokens = 0;
      tile.parts = &parts;
      tile.first_unit = units_;
      int ranks = 0;
      for (const LowRank& part : parts) {
        check(part.a.empty() || part.from + part.a.cols <= x.cols, "input width of an adapter");
        ranks += part.rank();
        units_ += units_of(part.rank());
      }
      check(ranks <= added.room.cols && x.rows <= added.room.rows, "room for the inner products of adapters");
      last_slot = slot;
    }
    Tile& tile = tiles_[static_cast<size_t>(count_ - 1)];
    tile.rows[static_cast<size_t>(tile.tokens++)] = row;
  }
}

// body(task, type of its matrix)
template <class Body>
void RankSums::each_inner(Range units, const Body& body) const {
  for (int i = 0; i < count_; ++i) {
    const Tile& tile = tiles_[static_cast<size_t>(i)];
    int64_t unit = tile.first_unit;
    if (unit >= units.end) return;
    int at = 0;  // of the parts' ranks, one behind the other
    for (const LowRank& part : *tile.parts) {
      for (int from = 0; from < part.rank(); from += kRanksTogether, ++unit) {
        if (unit < units.begin || unit >= units.end) continue;
        LowRankInTask task = {.a = part.a.address(from, 0),
                              .a_stride = part.a.stride,
                              .rank = std::min(kRanksTogether, part.rank() - from),
                              .cols = part.a.cols,
                              .tokens = tile.tokens};
        for (int t = 0; t < tile.tokens; ++t) {
          const int row = tile.rows[static_cast<size_t>(t)];
          task.x[t] = x_.at<const float>(row, part.from);
          task.z[t] = added_.room.at<float>(row, at + from);
        }
        body(task, index_of(part.a.dtype));
      }
      at += part.rank();
    }
  }
}

void RankSums::make_inner(Range units) const {
  run_one_behind<LowRankInTask>(
      kernels_.low_rank_in, [&](const auto& body) { each_inner(units, body); },
      [](LowRankInTask& task, const LowRankInTask& next) { task.next = next.a; });
}

// body(task, type of its matrix)
template <class Body>
void RankSums::each_added(const PanelRun& run, const PanelSums& sums, const Body& body) const {
  const int lanes = kernels_.lanes, last_row = run.first_row + run.rows;
  for (int i = 0; i < count_; ++i) {
    const Tile& tile = tiles_[static_cast<size_t>(i)];
    int at = 0;
    for (const LowRank& part : *tile.parts) {
      // Columns of the output that are in both.
      const int begin = std::max(part.first, run.first_row);
      const int end = std::min(part.first + part.b.cols, last_row);
      if (begin < end) {
        const int skipped = (begin - run.first_row) / lanes;
        const int first = run.first_row + skipped * lanes - part.first;
        LowRankPanelsTask task = {.b = part.b.data,
                                  .b_stride = part.b.stride,
                                  .rank = part.b.rows,
                                  .cols = end - part.first,
                                  .first = first,
                                  .panels = (end - run.first_row + lanes - 1) / lanes - skipped,
                                  .panel_stride = sums.panel_stride,
                                  .tokens = tile.tokens,
                                  .next = part.b.address(0, std::max(first, 0)),
                                  .next_stride = part.b.stride};
        for (int t = 0; t < tile.tokens; ++t) {
          const int row = tile.rows[static_cast<size_t>(t)];
          task.z[t] = part.a.empty() ? x_.at<const float>(row, part.from) : added_.room.at<float>(row, at);
          task.scales[t] = part.scale * *added_.rows.scales.at<const float>(row);
          task.sums[t] = sums.data + skipped * sums.panel_stride + int64_t{row} * lanes;
        }
        body(task, index_of(part.b.dtype));
      }
      at += part.rank();
    }
  }
}

// A task comes with the address of its own columns as what is next.
void RankSums::add_to(const PanelRun& run, const PanelSums& sums) const {
  run_one_behind<LowRankPanelsTask>(
      kernels_.low_rank_panels, [&](const auto& body) { each_added(run, sums, body); },
      [](LowRankPanelsTask& task, const LowRankPanelsTask& next) {
        task.next = next.next;
        task.next_stride = next.next_stride;
      });
}

}  // namespace ferrum::cpu
