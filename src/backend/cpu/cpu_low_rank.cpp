// What adapters add to products, in two passes: all A x, then all B z, each split over the workers.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

constexpr int kRanksTogether = 8;      // of one worker's share of the first pass
constexpr int kColumnsTogether = 512;  // of the second; a multiple of all registers

int index_of(DType t) {
  check(t == DType::kF32 || t == DType::kF16 || t == DType::kBF16, "matrices of low rank are floats");
  return static_cast<int>(t);
}

// Successive rows of one adapter, at most as many as a kernel computes together.
struct RowTile {
  int first, tokens;
  const std::vector<LowRank>* parts;
};

// The entry of LowRanks for a row; −1: none.
int entry_of(const AdapterRows& rows, int t) {
  const int slot = *rows.slots.at<int32_t>(t);
  return slot < 0 || rows.matrix.empty() ? slot : slot * rows.matrices + *rows.matrix.at<int32_t>(t);
}

// body(tile) for the tiles within rows [begin, end) whose adapters change the product.
template <class Body>
void each_tile(const LowRanks& adapters, const AdapterRows& rows, int begin, int end, const Body& body) {
  for (int t = begin; t < end;) {
    const int entry = entry_of(rows, t);
    check(entry < static_cast<int>(adapters.size()), "a slot of an adapter");
    const int first = t++;
    while (t < end && entry_of(rows, t) == entry) ++t;
    if (entry >= 0 && !adapters[static_cast<size_t>(entry)].empty())
      body(RowTile{first, t - first, &adapters[static_cast<size_t>(entry)]});
  }
}

int64_t tiles_of(int rows) { return (rows + cpu::kTileTokens - 1) / cpu::kTileTokens; }

// The part of [begin, end) that is [first, first + count) from `at` on.
Range within(int begin, int end, int at, int count) {
  return {std::max(begin - at, 0), std::min(end - at, count)};
}

int most_ranks(const LowRanks& adapters) {
  int most = 0;
  for (const std::vector<LowRank>& parts : adapters) {
    int ranks = 0;
    for (const LowRank& part : parts) ranks += part.rank();
    most = std::max(most, ranks);
  }
  return most;
}

}  // namespace

void CpuBackend::activate(Tensor out, Tensor x, const Activation& a) {
  check_equal(x.cols, a.gated ? 2 * out.cols : out.cols, "columns before an activation");
  const cpu::ActivationConstants constants = {a.limit, a.alpha, a.positive, a.negative, a.beta};
  const auto gate_sums = kernels_.gate_sums[static_cast<int>(a.kind)];
  const auto apply_sums = kernels_.apply_sums[static_cast<int>(a.kind)];
  check(a.gated || apply_sums != nullptr, "an activation that is defined without a gate");
  const int lanes = kernels_.lanes;
  constexpr int kMostLanes = 16;
  pool_.parallel_for(x.rows, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const auto apply = [&](float* first, float* second, float* to, int n) {
        const cpu::SumRows rows = {to, out.cols, 1, n};
        if (a.gated)
          gate_sums(rows, {first, lanes}, {second, lanes}, constants);
        else
          apply_sums(rows, {first, lanes}, constants);
      };
      float* const row = x.at<float>(t);
      float* const up = a.gated ? row + out.cols : row;
      const int whole = out.cols / lanes * lanes;
      if (whole > 0) apply(row, up, out.at<float>(t), whole);
      if (const int rest = out.cols - whole; rest > 0) {  // a kernel reads whole registers
        float first[kMostLanes] = {}, second[kMostLanes] = {};
        std::copy_n(row + whole, rest, first);
        std::copy_n(up + whole, rest, second);
        apply(first, second, out.at<float>(t, whole), rest);
      }
    }
  });
}

void CpuBackend::add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                              Tensor room) {
  const int ranks = most_ranks(adapters);
  check(ranks <= room.cols && x.rows <= room.rows, "room for the inner products of adapters");
  const int64_t tiles = tiles_of(x.rows);
  const auto rows_of = [&](int64_t tile) {
    const int first = static_cast<int>(tile) * cpu::kTileTokens;
    return std::pair(first, std::min(first + cpu::kTileTokens, x.rows));
  };

  const int64_t rank_parts = (ranks + kRanksTogether - 1) / kRanksTogether;
  pool_.parallel_for(tiles * rank_parts, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const int from = static_cast<int>(i % rank_parts) * kRanksTogether;
      const auto [first, last] = rows_of(i / rank_parts);
      each_tile(adapters, rows, first, last, [&](const RowTile& tile) {
        int at = 0;
        for (const LowRank& part : *tile.parts) {
          if (part.rank() == 0) continue;
          check(part.from + part.a.cols <= x.cols, "input width of an adapter");
          const Range some = within(from, from + kRanksTogether, at, part.rank());
          if (some.begin < some.end) {
            cpu::LowRankInTask task = {.a = part.a.address(static_cast<int>(some.begin), 0),
                                       .a_stride = part.a.stride,
                                       .rank = static_cast<int>(some.end - some.begin),
                                       .cols = part.a.cols,
                                       .tokens = tile.tokens};
            for (int t = 0; t < tile.tokens; ++t) {
              task.x[t] = x.at<const float>(tile.first + t, part.from);
              task.z[t] = room.at<float>(tile.first + t, at + static_cast<int>(some.begin));
            }
            kernels_.low_rank_in[index_of(part.a.dtype)](task);
          }
          at += part.rank();
        }
      });
    }
  });

  const int64_t column_parts = (out.cols + kColumnsTogether - 1) / kColumnsTogether;
  pool_.parallel_for(tiles * column_parts, [&](int64_t begin, int64_t end, int) noexcept {
    for (int64_t i = begin; i < end; ++i) {
      const int from = static_cast<int>(i % column_parts) * kColumnsTogether;
      const auto [first, last] = rows_of(i / column_parts);
      each_tile(adapters, rows, first, last, [&](const RowTile& tile) {
        int at = 0;
        for (const LowRank& part : *tile.parts) {
          check(part.first >= 0 && part.first + part.b.cols <= out.cols, "columns of the output");
          check(!part.a.empty() || part.from + part.b.rows <= x.cols, "input width of an adapter");
          const Range some = within(from, from + kColumnsTogether, part.first, part.b.cols);
          const Tensor& z = part.a.empty() ? x : room;
          if (some.begin < some.end)
            kernels_.low_rank_out[index_of(part.b.dtype)](
                {.b = part.b.address(0, static_cast<int>(some.begin)),
                 .b_stride = part.b.stride,
                 .rank = part.b.rows,
                 .cols = static_cast<int>(some.end - some.begin),
                 .z = z.at<const float>(tile.first, part.a.empty() ? part.from : at),
                 .z_stride = z.stride,
                 .scales = rows.scales.at<const float>(tile.first),
                 .scales_stride = rows.scales.stride,
                 .scale = part.scale,
                 .out = out.at<float>(tile.first, part.first + static_cast<int>(some.begin)),
                 .out_stride = out.stride,
                 .tokens = tile.tokens});
          at += part.rank();
        }
      });
    }
  });
}

void CpuBackend::add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                        const AdapterRows& rows) {
  constexpr int kRanks = 64;  // inner products at once
  pool_.parallel_for(out.rows, [&](int64_t begin, int64_t end, int) noexcept {
    each_tile(adapters, rows, static_cast<int>(begin), static_cast<int>(end), [&](const RowTile& tile) {
      for (int t = tile.first; t < tile.first + tile.tokens; ++t) {
        const int token = *tokens.at<int32_t>(t);
        for (const LowRank& part : *tile.parts) {
          check(token >= 0 && token < part.a.rows, "a row of an adapter's table");
          const int type = index_of(part.a.dtype);
          if (part.b.empty()) {
            kernels_.add_row[type](out.at<float>(t, part.first), part.a.address(token, 0),
                                   part.scale * *rows.scales.at<float>(t), part.a.cols);
            continue;
          }
          check(part.first >= 0 && part.first + part.b.cols <= out.cols, "columns of the output");
          for (int r = 0; r < part.b.rows; r += kRanks) {
            float z[kRanks];
            const int count = std::min(kRanks, part.b.rows - r);
            kernels_.read_row[type](z, part.a.address(token, r), count);
            kernels_.low_rank_out[index_of(part.b.dtype)]({.b = part.b.address(r, 0),
                                                           .b_stride = part.b.stride,
                                                           .rank = count,
                                                           .cols = part.b.cols,
                                                           .z = z,
                                                           .z_stride = kRanks,
                                                           .scales = rows.scales.at<const float>(t),
                                                           .scales_stride = 1,
                                                           .scale = part.scale,
                                                           .out = out.at<float>(t, part.first),
                                                           .out_stride = out.stride,
                                                           .tokens = 1});
          }
        }
      }
    });
  });
}

}  // namespace ferrum
