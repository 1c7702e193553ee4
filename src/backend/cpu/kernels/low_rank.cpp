// Products with matrices of low rank. A sum has one accumulator in the order of its terms, so that it does
// not depend on how many tokens are computed together.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr int kRanksTogether = 4;

// Rows are read side by side, and each is so short that the processor foresees little of it.
constexpr int kBytesAhead = 512;

// `next`: the rows behind these.
template <class T, int kTokens, int kRanks>
inline void dots(const LowRankInTask& task, const T* a, int first, const T* next) {
  constexpr int kAhead = kBytesAhead / static_cast<int>(sizeof(T));
  F32 sums[kRanks][kTokens] = {};
  const auto add = [&](int i, auto load_a, auto load_x) {
    if (i * sizeof(T) % 64 == 0) {
      const T* const ahead = i + kAhead < task.cols ? a + i + kAhead : next + (i + kAhead - task.cols);
      for (int r = 0; r < kRanks; ++r) __builtin_prefetch(ahead + r * task.a_stride, 0, 3);
    }
    F32 x[kTokens];
    for (int t = 0; t < kTokens; ++t) x[t] = load_x(task.x[t] + i);
    for (int r = 0; r < kRanks; ++r) {
      const F32 row = load_a(a + r * task.a_stride + i);
      for (int t = 0; t < kTokens; ++t) sums[r][t] = fma(row, x[t], sums[r][t]);
    }
  };
  int i = 0;
  for (; i + kLanes <= task.cols; i += kLanes)
    add(
        i, [](const T* p) { return load(p); }, [](const float* p) { return load(p); });
  if (const int rest = task.cols - i; rest > 0)
    add(
        i, [rest](const T* p) { return load_part(p, rest); },
        [rest](const float* p) { return load_part(p, rest); });
  for (int r = 0; r < kRanks; ++r)
    for (int t = 0; t < kTokens; ++t) task.z[t][first + r] = sum(sums[r][t]);
}

template <class T, int kTokens>
void all_dots(const LowRankInTask& task) {
  const T* const a = static_cast<const T*>(task.a);
  const auto row = [&](int r) {
    return r < task.rank || task.next == nullptr ? a + r * task.a_stride : static_cast<const T*>(task.next);
  };
  int r = 0;
  for (; r + kRanksTogether <= task.rank; r += kRanksTogether)
    dots<T, kTokens, kRanksTogether>(task, row(r), r, row(r + kRanksTogether));
  for (; r < task.rank; ++r) dots<T, kTokens, 1>(task, row(r), r, row(r + 1));
}

template <class T>
void in(const LowRankInTask& task) {
  switch (task.tokens) {
    case 1:
      return all_dots<T, 1>(task);
    case 2:
      return all_dots<T, 2>(task);
    case 3:
      return all_dots<T, 3>(task);
    default:
      return all_dots<T, kTileTokens>(task);
  }
}

template <class T, int kTokens>
void spread(const LowRankOutTask& task) {
  const T* const b = static_cast<const T*>(task.b);
  float scales[kTokens];
  for (int t = 0; t < kTokens; ++t) scales[t] = task.scale * task.scales[t * task.scales_stride];
  const auto add = [&](int j, auto load_b, auto add_to) {
    F32 sums[kTokens] = {};
    for (int r = 0; r < task.rank; ++r) {
      const F32 row = load_b(b + r * task.b_stride + j);
      for (int t = 0; t < kTokens; ++t) sums[t] = fma(row, broadcast(task.z[t * task.z_stride + r]), sums[t]);
    }
    for (int t = 0; t < kTokens; ++t) add_to(task.out + t * task.out_stride + j, sums[t] * scales[t]);
  };
  int j = 0;
  for (; j + kLanes <= task.cols; j += kLanes)
    add(
        j, [](const T* p) { return load(p); }, [](float* p, F32 v) { store(p, load(p) + v); });
  if (const int rest = task.cols - j; rest > 0)
    add(
        j, [rest](const T* p) { return load_part(p, rest); },
        [rest](float* p, F32 v) { store_part(p, load_part(p, rest) + v, rest); });
}

template <class T>
void out(const LowRankOutTask& task) {
  switch (task.tokens) {
    case 1:
      return spread<T, 1>(task);
    case 2:
      return spread<T, 2>(task);
    case 3:
      return spread<T, 3>(task);
    default:
      return spread<T, kTileTokens>(task);
  }
}

// Columns [first, first + kLanes) of a row, of which those from 0 to cols are there; the others are 0.
template <class T>
inline F32 load_columns(const T* row, int first, int cols) {
  T some[kLanes] = {};
  const int begin = first < 0 ? -first : 0;
  const int end = cols - first < kLanes ? cols - first : kLanes;
  if (begin < end)
    __builtin_memcpy(some + begin, row + first + begin, static_cast<size_t>(end - begin) * sizeof(T));
  return load(some);
}

// Panels from those that are multiplied next, while the weight's own are multiplied: rows of b are far apart,
// so that the processor does not foresee them.
constexpr int kPanelsAhead = 8;

enum class Columns { kAll, kSome };  // of the panels: are there

template <class T, int kTokens, int kPanels, Columns columns>
inline void add_panels(const LowRankPanelsTask& task, int panel) {
  const T* b = static_cast<const T*>(task.b);
  const int first = task.first + panel * kLanes;
  const bool is_end = panel + kPanelsAhead >= task.panels && task.next != nullptr;
  const T* ahead = is_end ? static_cast<const T*>(task.next) + (panel + kPanelsAhead - task.panels) * kLanes
                          : b + first + kPanelsAhead * kLanes;
  const int64_t ahead_stride = is_end ? task.next_stride : task.b_stride;
  F32 sums[kPanels][kTokens] = {};
  for (int r = 0; r < task.rank; ++r, b += task.b_stride, ahead += ahead_stride)
    for (int p = 0; p < kPanels; ++p) {
      const int column = first + p * kLanes;
      const F32 row = columns == Columns::kAll ? load(b + column) : load_columns(b, column, task.cols);
      if (columns == Columns::kAll && p * kLanes * sizeof(T) % 64 == 0)
        __builtin_prefetch(ahead + p * kLanes, 0, 2);
      for (int t = 0; t < kTokens; ++t) sums[p][t] = fma(row, broadcast(task.z[t][r]), sums[p][t]);
    }
  for (int p = 0; p < kPanels; ++p)
    for (int t = 0; t < kTokens; ++t) {
      float* const to = task.sums[t] + (panel + p) * task.panel_stride;
      store(to, load(to) + sums[p][t] * task.scales[t]);
    }
}

template <class T, int kTokens>
void all_panels(const LowRankPanelsTask& task) {
  constexpr int kTogether = 4;
  const auto are_there = [&](int panel, int count) {
    const int first = task.first + panel * kLanes;
    return first >= 0 && first + count * kLanes <= task.cols;
  };
  for (int p = 0; p < task.panels;) {
    if (p + kTogether <= task.panels && are_there(p, kTogether)) {
      add_panels<T, kTokens, kTogether, Columns::kAll>(task, p);
      p += kTogether;
    } else if (are_there(p, 1)) {
      add_panels<T, kTokens, 1, Columns::kAll>(task, p++);
    } else {
      add_panels<T, kTokens, 1, Columns::kSome>(task, p++);
    }
  }
}

template <class T>
void panels(const LowRankPanelsTask& task) {
  switch (task.tokens) {
    case 1:
      return all_panels<T, 1>(task);
    case 2:
      return all_panels<T, 2>(task);
    case 3:
      return all_panels<T, 3>(task);
    default:
      return all_panels<T, kTileTokens>(task);
  }
}

template <class T>
void add_row(float* to, const void* row, float scale, int n) {
  const T* const from = static_cast<const T*>(row);
  const F32 factor = broadcast(scale);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, fma(load(from + i), factor, load(to + i)));
  if (const int rest = n - i; rest > 0)
    store_part(to + i, fma(load_part(from + i, rest), factor, load_part(to + i, rest)), rest);
}

template <class T>
void read_row(float* to, const void* row, int n) {
  const T* const from = static_cast<const T*>(row);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load(from + i));
  if (const int rest = n - i; rest > 0) store_part(to + i, load_part(from + i, rest), rest);
}

}  // namespace

#define FERRUM_LOW_RANK(name, T)                                                                         \
  void low_rank_in_##name(const LowRankInTask& task) { in<T>(task); }                                    \
  void low_rank_out_##name(const LowRankOutTask& task) { out<T>(task); }                                 \
  void low_rank_panels_##name(const LowRankPanelsTask& task) { panels<T>(task); }                        \
  void add_row_##name(float* to, const void* row, float scale, int n) { add_row<T>(to, row, scale, n); } \
  void read_row_##name(float* to, const void* row, int n) { read_row<T>(to, row, n); }
FERRUM_LOW_RANK(f32, float)
FERRUM_LOW_RANK(f16, F16)
FERRUM_LOW_RANK(bf16, BF16)
#undef FERRUM_LOW_RANK

}  // namespace ferrum::cpu::FERRUM_ISA
