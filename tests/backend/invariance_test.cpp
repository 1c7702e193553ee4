// Promise 2 of the design: a row's result is the same bits whatever else is in the batch, however its prompt
// was chunked, and however many threads ran (the last is checked in cpu_backend_test.cpp).
#include "invariance.h"
#include "backend/cpu/cpu_backend.h"

namespace ferrum::test {
namespace {

using cpu::Activations;

class Invariance : public testing::TestWithParam<Isa> {};

TEST_P(Invariance, ARowOfAProductDoesNotDependOnItsBatch) {
  for (const Activations activations : {Activations::kInt8, Activations::kBf16, Activations::kFloat32}) {
    CpuBackend backend({.threads = 2, .isa = GetParam(), .activations = activations});
    for (const Format format : kAllFormats) {
      Bench bench(backend);
      const RandomWeight linear(1, 512, {{format, 19}}, true, 1);
      const RandomWeight gate_up(1, 512, {{format, 19}, {format, 19}}, false, 2);
      const Weight& linear_w = bench.weight(linear);
      const Weight& gate_up_w = bench.weight(gate_up);
      const Tensor x = bench.random(70, 512, 3);  // more than are multiplied with packed spans
      const std::string name(name_of(format));
      expect_same_in_pieces(
          backend, x, 19, [&](Tensor out, Tensor in, int) { backend.linear(out, in, linear_w); },
          "linear " + name);
      expect_same_in_pieces(
          backend, x, 19, [&](Tensor out, Tensor in, int) { backend.expand(out, in, gate_up_w, {}); },
          "expand " + name);
    }
  }
}

TEST_P(Invariance, AHeadsProductDoesNotDependOnItsBatch) {
  for (const Activations activations : {Activations::kInt8, Activations::kBf16, Activations::kFloat32}) {
    for (const Format format : {Format::kQ8_0, Format::kBF16}) {
      const RandomWeight weight(3, 96, {{format, 37}}, true, 1);
      WeightSource source = weight.source();
      source.use = WeightUse::kHeads;
      std::vector<float> expected;
      for (const int threads : {1, 3}) {
        CpuBackend backend({.threads = threads, .isa = GetParam(), .activations = activations});
        Bench bench(backend);
        const Weight& w = bench.weight(source);
        const Tensor x = bench.random(67, 3 * 96, 3);  // more than one batch
        expect_same_in_pieces(
            backend, x, 3 * 37, [&](Tensor out, Tensor in, int) { backend.linear_heads(out, in, w); },
            "linear_heads " + std::string(name_of(format)));
        const Tensor out = bench.tensor(DType::kF32, 67, 3 * 37);
        backend.linear_heads(out, x, w);
        if (expected.empty()) expected = values_of(backend, out);
        EXPECT_EQ(values_of(backend, out), expected) << threads << " threads";
      }
    }
  }
}

TEST_P(Invariance, ARowOfEveryActivation) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  for (const NamedActivation& a : named_activations()) {
    Bench bench(backend);
    expect_rows_of_activation(backend, bench, a, true);
  }
}

// Alone, beside rows of other adapters and of none, in any order, and as two operations.
TEST_P(Invariance, ARowWithAnAdapter) {
  constexpr int kRows = 270, kIn = 160, kWidth = 150, kAdapters = 3;
  for (const Activations activations : {Activations::kInt8, Activations::kFloat32}) {
    CpuBackend backend({.threads = 3, .isa = GetParam(), .activations = activations});
    Bench bench(backend);
    const RandomWeight weight(1, kIn, {{Format::kQ4_0, 75}, {Format::kBF16, 75}}, true, 1);
    const Weight& w = bench.weight(weight);
    const Tensor x = bench.random(kRows, kIn, 3);
    LowRanks adapters;
    for (int i = 0; i < kAdapters; ++i) {
      const auto seed = static_cast<uint32_t>(i);
      adapters.push_back(
          {{bench.random(3 + 10 * i, kIn, seed), bench.random(3 + 10 * i, kWidth - 7, seed + 9), 4}});
    }
    std::vector<int32_t> slots, order;
    for (int i = 0; i < kRows; ++i) slots.push_back((i * 7 + i / 5) % (kAdapters + 1) - 1);
    for (int first = 0; first < kRows; first += kAdapterBlock)
      for (int slot = -1; slot < kAdapters; ++slot)
        for (int i = first; i < std::min(kRows, first + kAdapterBlock); ++i)
          if (slots[static_cast<size_t>(i)] == slot) order.push_back(i - first);
    const AdapterRows rows = {.slots = bench.integers(slots, kRows),
                              .scales = bench.random(kRows, 1, 5),
                              .matrix = {},
                              .order = bench.integers(order, kRows)};
    const Tensor room = bench.tensor(DType::kF32, kAdapterBlock, 23),
                 product = bench.tensor(DType::kF32, kRows, kWidth);
    const auto unsorted = [&](int first, int count) {
      AdapterRows some = {.slots = rows.slots.rows_at(first, count),
                          .scales = rows.scales.rows_at(first, count),
                          .matrix = {},
                          .order = {}};
      return AddedRanks{adapters, some, room, product};
    };
    const Tensor together = bench.tensor(DType::kF32, kRows, kWidth),
                 apart = bench.tensor(DType::kF32, kRows, kWidth);
    backend.linear_adapted(together, x, w, {adapters, rows, room, product});
    const std::vector<float> expected = values_of(backend, together);
    backend.Backend::linear_adapted(apart, x, w, unsorted(0, kRows));
    EXPECT_EQ(values_of(backend, apart), expected) << "as two operations";
    expect_same_in_pieces(
        backend, x, kWidth,
        [&](Tensor out, Tensor in, int first) {
          backend.linear_adapted(out, in, w, unsorted(first, in.rows));
        },
        "linear_adapted");
    const Activation silu = {.gated = true};
    const Tensor gated = bench.tensor(DType::kF32, kRows, kWidth / 2),
                 in_steps = bench.tensor(DType::kF32, kRows, kWidth / 2);
    backend.expand_adapted(gated, x, w, silu, {adapters, rows, room, product});
    backend.Backend::expand_adapted(in_steps, x, w, silu, unsorted(0, kRows));
    EXPECT_EQ(values_of(backend, in_steps), values_of(backend, gated)) << "as several operations";
    expect_same_in_pieces(
        backend, x, kWidth / 2,
        [&](Tensor out, Tensor in, int first) {
          backend.expand_adapted(out, in, w, silu, unsorted(first, in.rows));
        },
        "expand_adapted");
  }
}

TEST_P(Invariance, ARowOfWhatIsDoneToEachRow) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  Bench bench(backend);
  const Tensor x = bench.random(23, 70, 3);
  const Tensor gates = bench.random(23, 10, 4);
  const Norm norm = {.kind = Norm::Kind::kLayer, .weight = bench.random(1, 70, 5), .eps = 1e-5f};
  expect_same_in_pieces(
      backend, x, 70, [&](Tensor out, Tensor in, int) { backend.norm(out, in, norm); }, "layer norm");
  expect_same_in_pieces(
      backend, x, 70,
      [&](Tensor out, Tensor in, int first) {
        backend.norm(out, in, {});
        backend.add(out, in, 0.3f);
        backend.scale(out, 0.7f, 2);
        backend.apply_gate(out, rows_of(gates, first, in.rows), GateKind::kSoftplus);
        backend.apply_gate(out, rows_of(gates, first, in.rows), GateKind::kSigmoid);
      },
      "add, scale and gates");
}

TEST_P(Invariance, ATokensChoiceOfExperts) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  Bench bench(backend);
  const Tensor logits = bench.random(23, 64, 3);
  for (const auto score :
       {RoutingRule::Score::kSoftmax, RoutingRule::Score::kSigmoid, RoutingRule::Score::kSoftmaxOfChosen}) {
    const RoutingRule rule = {.top_k = 6,
                              .score = score,
                              .renormalize = true,
                              .scale = 2.5f,
                              .selection_bias = bench.random(1, 64, 4),
                              .groups = 8,
                              .groups_used = 4};
    const Tensor ids = bench.tensor(DType::kI32, 23, 6);
    expect_same_in_pieces(
        backend, logits, 6,
        [&](Tensor out, Tensor in, int first) {
          backend.route({rows_of(ids, first, in.rows), out}, in, rule);
        },
        "route");
  }
}

// More rows than are handled together, so the pieces fall into different batches inside.
TEST_P(Invariance, ARowOfALongBatch) {
  CpuBackend backend({.threads = 3, .isa = GetParam()});
  Bench bench(backend);
  const RandomWeight weight(1, 256, {{Format::kQ4_K, 9}, {Format::kQ6_K, 3}}, false, 1);
  const Weight& w = bench.weight(weight);
  const Tensor x = bench.random(1100, 256, 3);
  expect_same_in_pieces(
      backend, x, 12, [&](Tensor out, Tensor in, int) { backend.linear(out, in, w); }, "long linear");
}

TEST_P(Invariance, ARowInOtherOrdersOfColumns) {
  CpuBackend backend({.threads = 3, .isa = GetParam()});
  Bench bench(backend);
  const RandomWeight weight(1, 256, {{Format::kG4_64, 9, false, true}, {Format::kG4_32, 3, false, true}},
                            false, 1);
  const RandomWeight gate_up(4, 256, {{Format::kG4_64, 64, true, true}, {Format::kG4_64, 64, true, true}},
                             false, 2);
  const RandomWeight down(4, 64, {{Format::kG4_32, 96, true, true}}, false, 3);
  const Weight& w = bench.weight(weight);
  const Weight& gate_up_w = bench.weight(gate_up);
  const Weight& down_w = bench.weight(down);
  const Tensor x = bench.random(300, 256, 3);
  const Routing routing = {bench.tensor(DType::kI32, 300, 2), bench.tensor(DType::kF32, 300, 2)};
  backend.route(routing, bench.random(300, 4, 4), {.top_k = 2, .renormalize = true});
  expect_same_in_pieces(
      backend, x, 12, [&](Tensor out, Tensor in, int) { backend.linear(out, in, w); }, "ordered linear");
  expect_same_in_pieces(
      backend, x, 96,
      [&](Tensor out, Tensor in, int first) {
        const Routing part = {rows_of(routing.expert_ids, first, in.rows),
                              rows_of(routing.weights, first, in.rows)};
        backend.experts(out, in, part, gate_up_w, down_w, {});
      },
      "ordered experts");
}

TEST_P(Invariance, ATokensExpertsDoNotDependOnItsBatch) {
  for (const Activations activations : {Activations::kInt8, Activations::kBf16, Activations::kFloat32}) {
    CpuBackend backend({.threads = 2, .isa = GetParam(), .activations = activations});
    for (const Format format : {Format::kQ4_K, Format::kQ8_0, Format::kBF16}) {
      Bench bench(backend);
      const RandomWeight gate_up(8, 256, {{format, 256}, {Format::kQ6_K, 256}}, false, 1);
      const RandomWeight down(8, 256, {{format, 256}}, false, 2);
      const Weight& gate_up_w = bench.weight(gate_up);
      const Weight& down_w = bench.weight(down);
      const Tensor x = bench.random(37, 256, 3);
      const Tensor logits = bench.random(37, 8, 4);
      const Routing routing = {bench.tensor(DType::kI32, 37, 3), bench.tensor(DType::kF32, 37, 3)};
      backend.route(routing, logits, {.top_k = 3, .renormalize = true});
      expect_same_in_pieces(
          backend, x, 256,
          [&](Tensor out, Tensor in, int first) {
            const Routing part = {rows_of(routing.expert_ids, first, in.rows),
                                  rows_of(routing.weights, first, in.rows)};
            backend.experts(out, in, part, gate_up_w, down_w, {});
          },
          "experts " + std::string(name_of(format)));
    }
  }
}

TEST_P(Invariance, AttentionDoesNotDependOnChunksNeighboursOrPlacesInMemory) {
  CpuBackend backend({.threads = 2, .isa = GetParam()});
  const AttentionSetting settings[] = {
      {{4, 2, 32}, 0, 16, DType::kF16},
      {{4, 1, 48}, 11, 16, DType::kF32},
      {{2, 2, 10}, 40, 8, DType::kBF16},
      {{14, 2, 64}, 0, 48, DType::kF16},
      {{4, 4, 80}, 1, 4, DType::kF32},
      {{8, 2, 64}, 0, 16, DType::kI8},
      {{4, 2, 32, 20}, 0, 16, DType::kF16, soft_cap},
      {{6, 2, 16, 40}, 20, 16, DType::kI8, all_switches},
      {{4, 1, 24, 10}, 0, 4, DType::kF32, all_switches},
      {{4, 1, 24, 10}, 0, 4, DType::kF32, switches_and_slopes},
      {{6, 2, 16, 40}, 20, 16, DType::kF16, switches_and_slopes},
      {{5, 1, 16, 40, true}, 0, 16, DType::kF16},
      {{6, 2, 10, 22, true}, 40, 8, DType::kI8, all_switches},
      {{20, 1, 64, 96, true}, 0, 16, DType::kBF16},
      {{4, 2, 32}, 33, 16, DType::kF16, chunks},
      {{10, 2, 10}, 7, 6, DType::kF32, chunks},
  };
  for (const AttentionSetting& setting : settings) {
    const int length = 75;
    const auto blocks = static_cast<size_t>((length + setting.block_tokens - 1) / setting.block_tokens);
    std::vector<int32_t> in_order(blocks);
    std::iota(in_order.begin(), in_order.end(), 0);
    std::vector<int32_t> backwards(in_order.rbegin(), in_order.rend());
    const std::vector<float> whole = attend_in_chunks(backend, setting, {length}, 0, in_order);
    EXPECT_EQ(
        attend_in_chunks(backend, setting, std::vector<int>(static_cast<size_t>(length), 1), 0, in_order),
        whole);
    EXPECT_EQ(attend_in_chunks(backend, setting, {16, 16, 16, 16, 11}, 0, in_order), whole);
    EXPECT_EQ(attend_in_chunks(backend, setting, {1, 50, 3, 21}, 3, in_order), whole);
    EXPECT_EQ(attend_in_chunks(backend, setting, {40, 35}, 2, backwards), whole);
  }
}

// More than one partition of the context, shared out among more workers than there are heads.
TEST_P(Invariance, LongContextsWhateverTheThreadsAndChunks) {
  const AttentionSetting settings[] = {
      {{2, 1, 32}, 0, 16, DType::kF16},           {{6, 2, 10}, 700, 24, DType::kI8},
      {{3, 3, 16}, 0, 16, DType::kBF16},          {{4, 2, 12, 24}, 600, 16, DType::kF16, all_switches},
      {{4, 2, 16}, 700, 16, DType::kF16, chunks}, {{70, 1, 8, 24, true}, 0, 16, DType::kI8}};
  const int length = 1200;
  for (const AttentionSetting& setting : settings) {
    const auto blocks = static_cast<size_t>((length + setting.block_tokens - 1) / setting.block_tokens);
    std::vector<int32_t> in_order(blocks);
    std::iota(in_order.begin(), in_order.end(), 0);
    CpuBackend one({.threads = 1, .isa = GetParam()});
    const std::vector<float> whole = attend_in_chunks(one, setting, {length}, 0, in_order);
    for (const int threads : {2, 5}) {
      CpuBackend backend({.threads = threads, .isa = GetParam()});
      EXPECT_EQ(attend_in_chunks(backend, setting, {length}, 0, in_order), whole) << threads;
      EXPECT_EQ(attend_in_chunks(backend, setting, {511, 1, 1, 511, 1, 1, 63, 101, 10}, 2, in_order), whole)
          << threads;
      std::vector<int> single(static_cast<size_t>(length - 1140), 1);
      single.insert(single.begin(), 1140);
      EXPECT_EQ(attend_in_chunks(backend, setting, single, 1, in_order), whole) << threads;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Invariance, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum::test
