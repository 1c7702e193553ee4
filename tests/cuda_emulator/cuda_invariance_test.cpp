// A row's result on the emulated GPU is the same bits whatever else is in the batch, however its prompt was
// chunked, and whatever the order of blocks and warps.
#include "backend/invariance.h"
#include "cuda_fixture.h"

namespace ferrum::test {
namespace {

class CudaInvariance : public CudaBackendUnder {};
INSTANTIATE_TEST_SUITE_P(Schedules, CudaInvariance, testing::Values(1, 2, 3));

TEST_P(CudaInvariance, ARowOfAProductDoesNotDependOnItsBatch) {
  for (const Format format : kAllFormats) {
    Bench bench(backend);
    const RandomWeight linear(1, 256, {{format, 19}}, true, 1);
    const Weight& w = bench.weight(linear);
    const Tensor x = bench.random(35, 256, 3);  // each kernel: pieces of up to 8, 16, and all
    expect_same_in_pieces(
        backend, x, 19, [&](Tensor out, Tensor in, int) { backend.linear(out, in, w); },
        "linear " + std::string(name_of(format)));
  }
  Bench bench(backend);
  const RandomWeight wide(1, 2080, {{Format::kQ8_0, 3}, {Format::kQ4_0, 20}}, false,
                          1);  // shared out among 8 warps
  const Weight& w = bench.weight(wide);
  const Tensor x = bench.random(35, 2080, 3);
  expect_same_in_pieces(
      backend, x, 23, [&](Tensor out, Tensor in, int) { backend.linear(out, in, w); }, "wide linear");
}

TEST_P(CudaInvariance, AHeadsProductDoesNotDependOnItsBatch) {
  Bench bench(backend);
  const RandomWeight weight(3, 96, {{Format::kQ8_0, 37}}, true, 1);
  WeightSource source = weight.source();
  source.use = WeightUse::kHeads;
  const Weight& w = bench.weight(source);
  const Tensor x = bench.random(37, 3 * 96, 3);
  expect_same_in_pieces(
      backend, x, 3 * 37, [&](Tensor out, Tensor in, int) { backend.linear_heads(out, in, w); },
      "linear_heads");
}

TEST_P(CudaInvariance, ARowOfExperts) {
  Bench bench(backend);
  for (const NamedActivation& a : named_activations())
    expect_rows_of_activation(backend, bench, a, a.name == "silu" || a.name == "relu_squared_ungated");
}

// Rows for each matrix that tiles of each size take: of all together 40 and more, of pieces 16 and fewer.
TEST_P(CudaInvariance, ARowAmongManyOfItsExpertOrMatrix) {
  Bench bench(backend);
  const RandomWeight up(2, 160, {{Format::kQ8_0, 140}}, true, 1), down(2, 70, {{Format::kBF16, 33}}, true, 2);
  const Weight &up_w = bench.weight(up), &down_w = bench.weight(down);
  const Activation activation = named_activations().front().activation;
  ASSERT_TRUE(activation.gated);
  const int rows = 45;
  const Tensor x = bench.random(rows, 160, 3);
  const Routing routing = {bench.tensor(DType::kI32, rows, 2), bench.tensor(DType::kF32, rows, 2)};
  backend.route(routing, bench.random(rows, 2, 4), {.top_k = 2});
  expect_same_in_pieces(
      backend, x, 33,
      [&](Tensor out, Tensor in, int first) {
        const Routing part = {rows_of(routing.expert_ids, first, in.rows),
                              rows_of(routing.weights, first, in.rows)};
        backend.experts(out, in, part, up_w, down_w, activation);
      },
      "experts");
  std::vector<int32_t> one(80);
  for (size_t i = 0; i < one.size(); ++i) one[i] = i % 9 == 4 ? 0 : 1;
  const Tensor matrix = bench.integers(one, 80);
  expect_same_in_pieces(
      backend, bench.random(80, 160, 5), 140,
      [&](Tensor out, Tensor in, int first) {
        backend.linear_chosen(out, in, up_w, rows_of(matrix, first, in.rows));
      },
      "linear_chosen");
}

TEST_P(CudaInvariance, ARowOfWhatIsDoneToEachRow) {
  Bench bench(backend);
  const Tensor x = bench.random(23, 170, 3), gates = bench.random(23, 10, 4),
               logits = bench.random(23, 64, 3);
  const Norm norm = {.kind = Norm::Kind::kLayer, .weight = bench.random(1, 170, 5), .eps = 1e-5f};
  expect_same_in_pieces(
      backend, x, 170,
      [&](Tensor out, Tensor in, int first) {
        backend.norm(out, in, norm);
        backend.add(out, in, 0.3f);
        backend.scale(out, 0.7f, 2);
        backend.apply_gate(out, rows_of(gates, first, in.rows), GateKind::kSoftplus);
      },
      "norm, add, scale and gate");
  const Tensor ids = bench.tensor(DType::kI32, 23, 6);
  for (const auto score :
       {RoutingRule::Score::kSoftmax, RoutingRule::Score::kSigmoid, RoutingRule::Score::kSoftmaxOfChosen}) {
    const RoutingRule rule = {.top_k = 6, .score = score, .renormalize = true, .groups = 8, .groups_used = 4};
    expect_same_in_pieces(
        backend, logits, 6,
        [&](Tensor out, Tensor in, int first) {
          backend.route({rows_of(ids, first, in.rows), out}, in, rule);
        },
        "route");
  }
}

TEST_P(CudaInvariance, AttentionDoesNotDependOnChunksNeighboursOrPlacesInMemory) {
  const AttentionSetting settings[] = {
      {{4, 2, 32}, 0, 16, DType::kF16},
      {{4, 1, 48}, 11, 16, DType::kF32},
      {{2, 2, 10}, 20, 8, DType::kBF16},
      {{8, 2, 16}, 0, 16, DType::kI8},
      {{6, 2, 16, 40}, 20, 16, DType::kI8, all_switches},
      {{6, 2, 16, 40}, 20, 16, DType::kF16, switches_and_slopes},
      {{5, 1, 16, 40, true}, 0, 16, DType::kF16},
      {{20, 1, 8, 12, true}, 0, 16, DType::kBF16, soft_cap},
      {{20, 1, 8, 24, true}, 0, 16, DType::kBF16, soft_cap},
      {{4, 1, 40, 136}, 20, 16, DType::kBF16},
      {{2, 1, 24, 264}, 0, 16, DType::kF16},
  };
  for (const AttentionSetting& setting : settings) {
    const int length = 43;
    const auto blocks = static_cast<size_t>((length + setting.block_tokens - 1) / setting.block_tokens);
    std::vector<int32_t> in_order(blocks);
    std::iota(in_order.begin(), in_order.end(), 0);
    const std::vector<int32_t> backwards(in_order.rbegin(), in_order.rend());
    const std::vector<float> whole = attend_in_chunks(backend, setting, {length}, 0, in_order);
    EXPECT_EQ(
        attend_in_chunks(backend, setting, std::vector<int>(static_cast<size_t>(length), 1), 0, in_order),
        whole);
    EXPECT_EQ(attend_in_chunks(backend, setting, {1, 24, 3, 15}, 3, in_order), whole);
    EXPECT_EQ(attend_in_chunks(backend, setting, {30, 13}, 2, backwards), whole);
  }
}

// More than one partition of the context, with one launch's tiles in several pieces.
TEST_P(CudaInvariance, LongContextsWhateverTheChunks) {
  const AttentionSetting setting = {{2, 1, 8}, 0, 16, DType::kF16, all_switches};
  const int length = 620;
  std::vector<int32_t> blocks(static_cast<size_t>(length + 15) / 16);
  std::iota(blocks.begin(), blocks.end(), 0);
  const std::vector<float> whole = attend_in_chunks(backend, setting, {length}, 0, blocks);
  EXPECT_EQ(attend_in_chunks(backend, setting, {511, 1, 1, 63, 44}, 2, blocks), whole);
}

}  // namespace
}  // namespace ferrum::test
