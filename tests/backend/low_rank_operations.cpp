// Products of low rank, for rows of several adapters and of none.
#include "operations.h"

namespace ferrum::test {
namespace {

Tensor random_of(Bench& bench, DType dtype, int rows, int cols, uint32_t seed) {
  const Tensor t = bench.tensor(dtype, rows, cols);
  const std::vector<float> values =
      random_floats(static_cast<size_t>(rows) * static_cast<size_t>(cols), seed);
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = dtype == DType::kF16 ? f16_from_float(values[i]) : bf16_from_float(values[i]);
    if (dtype == DType::kF32)
      std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    else
      std::memcpy(bytes.data() + 2 * i, &half, 2);
  }
  bench.backend().upload(t, bytes);
  return t;
}

constexpr int kRows = 11;

AdapterRows adapter_rows(Bench& bench) {
  return {.slots = bench.integers({1, 0, 0, -1, 2, 2, 2, 2, 2, 0, 3}, kRows),
          .scales = bench.floats({1, 1, 0.5f, 9, 1, 1, 1, 2, 1, -1, 1}, kRows),
          .matrix = {},
          .order = {}};
}

// Of more rows than one block, sorted by their slots within each.
AdapterRows sorted_rows(Bench& bench, int rows) {
  std::vector<int32_t> slots, order;
  std::vector<float> scales;
  for (int i = 0; i < rows; ++i) {
    slots.push_back(i % 5 - 1);
    scales.push_back(0.5f + static_cast<float>(i % 3));
  }
  for (int first = 0; first < rows; first += kAdapterBlock)
    for (int slot = -1; slot < 4; ++slot)
      for (int i = first; i < std::min(rows, first + kAdapterBlock); ++i)
        if (slots[static_cast<size_t>(i)] == slot) order.push_back(i - first);
  return {.slots = bench.integers(slots, rows),
          .scales = bench.floats(scales, rows),
          .matrix = {},
          .order = bench.integers(order, rows)};
}

// Products with what adapters add: of matrices that begin and end within panels, and of weights in several
// formats, whose parts do so as well.
void add_products(std::vector<Operation>& all, DType dtype) {
  constexpr int kIn = 320, kWidth = 2 * (48 + 23);
  const auto weight = std::make_shared<RandomWeight>(
      1, kIn,
      std::vector<RandomWeight::PartSpec>{
          {Format::kQ8_0, 48}, {Format::kBF16, 23, true}, {Format::kQ8_0, 48}, {Format::kBF16, 23}},
      true, 7);
  for (const int rows : {1, 9, 300})
    for (const bool expands : {false, true}) {
      const std::string name =
          fmt::format("{}_adapted/{}/rows{}", expands ? "expand" : "linear", name_of(dtype), rows);
      all.push_back({name, Agreement::kQuantized, [=](Bench& bench) {
                       const auto part = [&](int rank, int first, int count, float scale, uint32_t seed) {
                         return LowRank{random_of(bench, dtype, rank, kIn, seed),
                                        random_of(bench, dtype, rank, count, seed + 1), first, 0, scale};
                       };
                       const auto adapters = std::make_shared<LowRanks>(LowRanks{
                           {part(4, 0, kWidth / 2, 0.2f, 1), part(9, kWidth / 2, kWidth / 2, 0.1f, 3)},
                           {part(1, 5, kWidth - 12, 0.3f, 5), part(17, 50, 3, 0.1f, 9)},
                           {{{}, random_of(bench, dtype, kIn, kWidth, 7), 0, 0, 0.02f}},
                           {}});
                       const AdapterRows of_rows =
                           rows == 9 ? adapter_rows(bench).at(0, 9) : sorted_rows(bench, rows);
                       const Tensor x = bench.floats(grid_floats(static_cast<size_t>(rows) * kIn, 8), rows);
                       const Tensor out = bench.tensor(DType::kF32, rows, expands ? kWidth / 2 : kWidth);
                       const AddedRanks added = {*adapters, of_rows,
                                                 bench.tensor(DType::kF32, std::min(rows, kAdapterBlock), 18),
                                                 bench.tensor(DType::kF32, rows, kWidth)};
                       const Weight& w = bench.weight(*weight);
                       bench.add_output(out);
                       bench.set_run([&bench, weight, adapters, out, x, added, &w, expands] {
                         if (expands)
                           bench.backend().expand_adapted(out, x, w, {}, added);
                         else
                           bench.backend().linear_adapted(out, x, w, added);
                       });
                     }});
    }
}

}  // namespace

std::vector<Operation> low_rank_operations() {
  std::vector<Operation> all;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) add_products(all, dtype);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16})
    for (const auto& [in, width] : {std::pair{64, 96}, {33, 7}, {1100, 1300}})
      all.push_back({fmt::format("add_low_rank/{}/{}x{}", name_of(dtype), in, width), Agreement::kRounded,
                     [=, in = in, width = width](Bench& bench) {
                       const auto part = [&](int rank, int first, int count, float scale, uint32_t seed) {
                         return LowRank{random_of(bench, dtype, rank, in, seed),
                                        random_of(bench, dtype, rank, count, seed + 1), first, 0, scale};
                       };
                       // Two neighbours, one with a gap, a whole matrix, and none.
                       const LowRanks adapters = {
                           {part(4, 0, width / 2, 2, 1), part(9, width / 2, width - width / 2, 0.5f, 3)},
                           {part(1, 2, width - 3, 1, 5)},
                           {{{}, random_of(bench, dtype, in, width, 7), 0, 0, 0.1f}},
                           {}};
                       const AdapterRows rows = adapter_rows(bench);
                       const Tensor x = bench.random(kRows, in, 9, in + 3);
                       const Tensor out = bench.random(kRows, width, 10, width + 1);
                       const Tensor room = bench.tensor(DType::kF32, kRows, 13);
                       bench.add_output(out);
                       bench.set_run([&bench, out, x, adapters, rows, room] {
                         bench.backend().add_low_rank(out, x, adapters, rows, room);
                       });
                     }});
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16})
    all.push_back(
        {fmt::format("add_low_rank_of_tokens/{}", name_of(dtype)), Agreement::kRounded, [=](Bench& bench) {
           constexpr int kVocab = 20, kWidth = 70;
           const LowRanks adapters = {
               {{random_of(bench, dtype, kVocab, 5, 1), random_of(bench, dtype, 5, kWidth, 2), 0, 2}},
               {{random_of(bench, dtype, kVocab, 130, 3), random_of(bench, dtype, 130, kWidth, 4), 0, 0,
                 0.2f}},
               {{random_of(bench, dtype, kVocab, kWidth, 5), {}, 0, 0, 0.1f}},
               {}};
           const AdapterRows rows = adapter_rows(bench);
           const Tensor tokens = bench.integers({3, 0, 19, 5, 5, 1, 2, 2, 19, 0, 7}, kRows);
           const Tensor out = bench.random(kRows, kWidth, 6, kWidth + 2);
           bench.add_output(out);
           bench.set_run([&bench, out, tokens, adapters, rows] {
             bench.backend().add_low_rank_of_tokens(out, tokens, adapters, rows);
           });
         }});
  for (const int rows : {1, 9, 40}) {
    const auto weight = std::make_shared<RandomWeight>(
        5, 64, std::vector<RandomWeight::PartSpec>{{Format::kQ8_0, 96}, {Format::kBF16, 35, true}}, true, 7);
    all.push_back({fmt::format("linear_chosen/rows{}", rows), Agreement::kQuantized, [=](Bench& bench) {
                     std::vector<int32_t> matrix;
                     for (int i = 0; i < rows; ++i) matrix.push_back(i * 7 % 5);
                     const Tensor x = bench.floats(grid_floats(static_cast<size_t>(rows) * 64, 8), rows);
                     const Tensor out = bench.tensor(DType::kF32, rows, 131);
                     const Tensor chosen = bench.integers(matrix, rows);
                     const Weight& w = bench.weight(*weight);
                     bench.add_output(out);
                     bench.set_run([&bench, weight, out, x, chosen, &w] {
                       bench.backend().linear_chosen(out, x, w, chosen);
                     });
                   }});
  }
  {  // Heads, whose inputs and outputs lie side by side; and an entry for each matrix of a weight.
    constexpr int kHeads = 3, kIn = 20, kOut = 33;
    all.push_back({"add_low_rank/heads", Agreement::kRounded, [](Bench& bench) {
                     LowRanks adapters(4);
                     for (int h = 0; h < kHeads; ++h)
                       adapters[1].push_back({random_of(bench, DType::kF32, 2 + h, kIn, 20 + h),
                                              random_of(bench, DType::kF32, 2 + h, kOut, 30 + h), h * kOut,
                                              h * kIn, 0.5f});
                     const AdapterRows rows = adapter_rows(bench);
                     const Tensor x = bench.random(kRows, kHeads * kIn, 9);
                     const Tensor out = bench.random(kRows, kHeads * kOut, 10);
                     const Tensor room = bench.tensor(DType::kF32, kRows, 9);
                     bench.add_output(out);
                     bench.set_run([&bench, out, x, adapters, rows, room] {
                       bench.backend().add_low_rank(out, x, adapters, rows, room);
                     });
                   }});
    all.push_back({"add_low_rank/matrices", Agreement::kRounded, [](Bench& bench) {
                     constexpr int kMatrices = 2;
                     LowRanks adapters(size_t{4} * kMatrices);
                     for (int i = 0; i < 6; ++i)
                       adapters[static_cast<size_t>(i)] = {
                           {random_of(bench, DType::kBF16, 3, kIn, static_cast<uint32_t>(40 + i)),
                            random_of(bench, DType::kBF16, 3, kOut, static_cast<uint32_t>(50 + i))}};
                     AdapterRows rows = adapter_rows(bench);
                     rows.matrix = bench.integers({0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1}, kRows);
                     rows.matrices = kMatrices;
                     const Tensor x = bench.random(kRows, kIn, 9);
                     const Tensor out = bench.random(kRows, kOut, 10);
                     const Tensor room = bench.tensor(DType::kF32, kRows, 3);
                     bench.add_output(out);
                     bench.set_run([&bench, out, x, adapters, rows, room] {
                       bench.backend().add_low_rank(out, x, adapters, rows, room);
                     });
                   }});
  }
  for (const auto& [name, activation] : named_activations())
    for (const int width : {64, 7, 200})
      all.push_back({fmt::format("activate/{}/{}", name, width), Agreement::kRounded,
                     [activation = activation, width](Bench& bench) {
                       const int cols = activation.gated ? 2 * width : width;
                       const Tensor x = bench.random(5, cols, 3, cols + 1);
                       const Tensor out = bench.tensor(DType::kF32, 5, width, width + 2);
                       bench.add_output(out);
                       bench.set_run(
                           [&bench, out, x, activation] { bench.backend().activate(out, x, activation); });
                     }});
  return all;
}

}  // namespace ferrum::test
