// The CPU backend on every instruction set of this machine, against the reference and against itself.
#include "backend/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "block_step.h"

namespace ferrum::test {
namespace {

using cpu::Activations;
using Outputs = std::vector<std::vector<float>>;

Outputs results(Backend& backend, const Operation& operation) {
  Bench bench(backend);
  operation.prepare(bench);
  bench.run();
  return bench.outputs();
}

const std::map<std::string, Outputs>& reference_results() {
  static const std::map<std::string, Outputs> results_by_name = [] {
    std::map<std::string, Outputs> all;
    ReferenceBackend reference;
    for (const Operation& operation : all_operations()) all[operation.name] = results(reference, operation);
    return all;
  }();
  return results_by_name;
}

class CpuBackendOn : public testing::TestWithParam<Isa> {
 protected:
  CpuOptions options(int threads, Activations activations = Activations::kInt8) const {
    return {.threads = threads, .isa = GetParam(), .activations = activations};
  }
};

TEST_P(CpuBackendOn, AgreesWithTheReferenceInFloat32) {
  CpuBackend backend(options(2, Activations::kFloat32));
  for (const Operation& operation : all_operations()) {
    const Agreement agreement =
        operation.agreement == Agreement::kQuantized ? Agreement::kRounded : operation.agreement;
    EXPECT_EQ(disagreement(reference_results().at(operation.name), results(backend, operation), agreement),
              "")
        << operation.name << " on " << backend.name();
  }
}

TEST_P(CpuBackendOn, AgreesWithTheReferenceInInt8) {
  CpuBackend backend(options(2));
  for (const Operation& operation : all_operations())
    EXPECT_EQ(disagreement(reference_results().at(operation.name), results(backend, operation),
                           operation.agreement),
              "")
        << operation.name << " on " << backend.name();
}

TEST_P(CpuBackendOn, GivesTheSameBitsWhateverTheNumberOfThreads) {
  CpuBackend one(options(1));
  CpuBackend two(options(2));
  CpuBackend three(options(3));
  CpuBackend five(options(5));
  CpuBackend one_in_float32(options(1, Activations::kFloat32));
  CpuBackend three_in_float32(options(3, Activations::kFloat32));
  for (const Operation& operation : all_operations()) {
    const Outputs expected = results(one, operation);
    EXPECT_EQ(results(two, operation), expected) << operation.name;
    EXPECT_EQ(results(three, operation), expected) << operation.name;
    EXPECT_EQ(results(five, operation), expected) << operation.name;
    EXPECT_EQ(results(three_in_float32, operation), results(one_in_float32, operation)) << operation.name;
  }
}

TEST_P(CpuBackendOn, SaysWhatItIs) {
  CpuBackend backend(options(2));
  EXPECT_EQ(backend.name(), fmt::format("cpu ({}, 2 threads, int8 activations)", name_of(GetParam())));
  EXPECT_EQ(backend.isa(), GetParam());
  const bool pairs = GetParam() == Isa::kAvx512Bf16 || GetParam() == Isa::kAmx || GetParam() == Isa::kI8mm;
  EXPECT_EQ(
      CpuBackend(options(2, Activations::kBf16)).name(),
      fmt::format("cpu ({}, 2 threads, int8{} activations)", name_of(GetParam()), pairs ? " and bf16" : ""));
}

// Logits must show that something went wrong, so quantising must not hide it (fault B58).
TEST_P(CpuBackendOn, B58_NotANumberAndInfinityComeThrough) {
  for (const Activations activations : {Activations::kInt8, Activations::kFloat32}) {
    CpuBackend backend(options(2, activations));
    for (const Format format : kAllFormats) {
      for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
        Bench bench(backend);
        const RandomWeight random(format, 6, 512, 1);
        const Weight& w = bench.weight(random);
        std::vector<float> x = random_floats(size_t{3} * 512, 2);
        x[512 + 300] = bad;
        const Tensor out = bench.tensor(DType::kF32, 3, 6);
        backend.linear(out, bench.floats(x, 3), w);
        for (int r = 0; r < 6; ++r) {
          EXPECT_TRUE(std::isfinite(*out.at<float>(0, r)));
          // Infinity times a weight of 0 is NaN, and so is infinity less infinity: no finite number, at any
          // rate.
          EXPECT_FALSE(std::isfinite(*out.at<float>(1, r)))
              << name_of(format) << " " << bad << " on " << backend.name();
          EXPECT_TRUE(std::isfinite(*out.at<float>(2, r)));
        }
      }
    }
  }
}

TEST_P(CpuBackendOn, B58_NotANumberComesThroughAttentionAndRouting) {
  CpuBackend backend(options(2));
  Bench bench(backend);
  const KvLayer kv = {bench.random(1, 8 * 16, 1), bench.random(16, 8, 2), 16};
  *kv.k.at<float>(0, 3 * 16 + 1) = std::nanf("");
  const Step step = make_step(bench, 16, {{2, 1, {0}}});
  AttentionLayer layer;
  layer.heads = {2, 1, 8};
  layer.scale = 1;
  const Tensor qkv = bench.random(1, 32, 3);
  const Tensor out = bench.tensor(DType::kF32, 1, 16);
  backend.attend(out, qkv, kv, step, layer);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(std::isnan(*out.at<float>(0, i)));

  layer.soft_cap = 2;
  layer.sinks = bench.random(1, 2, 4);
  backend.attend(out, qkv, kv, step, layer);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(std::isnan(*out.at<float>(0, i)));

  std::vector<RoutingRule> rules;
  for (const auto score :
       {RoutingRule::Score::kSoftmax, RoutingRule::Score::kSigmoid, RoutingRule::Score::kSoftmaxOfChosen}) {
    rules.push_back({.top_k = 3, .score = score});
    rules.push_back({.top_k = 3, .score = score, .renormalize = true, .floor = 1e-4f});
    rules.push_back({.top_k = 3, .score = score, .selection_bias = bench.random(1, 4, 5)});
    rules.push_back({.top_k = 2, .score = score, .groups = 4, .groups_used = 2});
  }
  rules.push_back({.top_k = 3, .score = RoutingRule::Score::kOneByOne, .jitter = 0.1f});
  for (const RoutingRule& rule : rules) {
    const Tensor logits = bench.floats({1, std::nanf(""), 2, std::nanf("")}, 1);
    const Routing routing = {bench.tensor(DType::kI32, 1, rule.top_k),
                             bench.tensor(DType::kF32, 1, rule.top_k)};
    backend.route(routing, logits, rule);
    for (int i = 0; i < rule.top_k; ++i) {
      EXPECT_GE(*routing.expert_ids.at<int32_t>(0, i), 0);
      EXPECT_LT(*routing.expert_ids.at<int32_t>(0, i), 4);
      EXPECT_TRUE(std::isnan(*routing.weights.at<float>(0, i)));
    }
  }
}

TEST_P(CpuBackendOn, B58_NotANumberComesThroughWhatIsDoneToEachRow) {
  CpuBackend backend(options(1));
  Bench bench(backend);
  const float nan = std::nanf("");
  const std::vector<float> values = {1, 2, nan, -1};
  const auto only_third = [&](Tensor t, const std::string& what) {
    for (int i = 0; i < t.cols; ++i) EXPECT_EQ(std::isnan(*t.at<float>(0, i)), i == 2) << what << " " << i;
  };
  for (const NamedActivation& a : named_activations()) {
    const RandomWeight up(1, 1, {{Format::kF32, a.activation.gated ? 2 : 1}}, false, 1);
    const Tensor out = bench.tensor(DType::kF32, 1, 1);
    backend.expand(out, bench.floats({nan}, 1), bench.weight(up), a.activation);
    EXPECT_TRUE(std::isnan(*out.at<float>(0))) << a.name;
  }
  for (const GateKind kind : {GateKind::kSigmoid, GateKind::kSoftplus}) {
    const Tensor x = bench.floats({1, 1, 1, 1}, 1);
    backend.apply_gate(x, bench.floats(values, 1), kind);
    only_third(x, "gate");
  }
  for (const float cap : {0.0f, 3.0f}) {
    const Tensor x = bench.floats(values, 1);
    backend.scale(x, 2, cap);
    only_third(x, "scale");
  }
  const Tensor out = bench.tensor(DType::kF32, 1, 4);
  for (const auto kind : {Norm::Kind::kRms, Norm::Kind::kLayer}) {
    backend.norm(out, bench.floats(values, 1), {.kind = kind});
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(*out.at<float>(0, i)));
  }
  const KvLayer kv = {bench.tensor(DType::kF32, 1, 2), bench.tensor(DType::kF32, 1, 2), 1};
  AttentionLayer layer;
  layer.heads = {1, 1, 2};
  layer.clip = 1;
  const Tensor qkv = bench.floats({nan, 5, -5, nan, nan, 0}, 1);
  backend.rope_and_store(qkv, kv, make_step(bench, 1, {{0, 1, {0}}}), layer);
  EXPECT_TRUE(std::isnan(*qkv.at<float>(0, 0)) && std::isnan(*kv.k.at<float>(0, 1)) &&
              std::isnan(*kv.v.at<float>(0, 0)));
  EXPECT_EQ(*qkv.at<float>(0, 1), 1);
  EXPECT_EQ(*kv.k.at<float>(0, 0), -1);
}

// The reference computes in double. Each value counts by itself, the small ones beside their argument.
TEST_P(CpuBackendOn, ElementaryFunctionsAreRightAtEveryMagnitude) {
  CpuBackend backend(options(1, Activations::kFloat32));
  ReferenceBackend reference;
  std::vector<float> values = {0};
  for (float x = 1e-6f; x < 40; x *= 1.013f) {
    values.push_back(x);
    values.push_back(-x);
  }
  const int count = static_cast<int>(values.size());
  const auto expect_alike = [&](const auto& operation, const std::string& what) {
    std::vector<std::vector<float>> both;
    for (Backend* b : std::initializer_list<Backend*>{&reference, &backend}) {
      Bench bench(*b);
      bench.add_output(operation(bench, bench.floats(values, count)));
      both.push_back(bench.outputs()[0]);
    }
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i);
      const double allowed = 1e-6 * std::max(std::abs(both[0][at]), std::min(1.0f, std::abs(values[at])));
      EXPECT_NEAR(both[1][at], both[0][at], allowed + 1e-30) << what << " of " << values[at];
    }
  };
  for (const GateKind kind : {GateKind::kSigmoid, GateKind::kSoftplus})
    expect_alike(
        [&](Bench& bench, Tensor x) {
          const Tensor ones = bench.floats(std::vector<float>(values.size(), 1), count);
          bench.backend().apply_gate(ones, x, kind);
          return ones;
        },
        kind == GateKind::kSigmoid ? "sigmoid" : "softplus");
  expect_alike(
      [](Bench& bench, Tensor x) {
        bench.backend().scale(x, 1, 1);
        return x;
      },
      "tanh");
  const float one = 1;
  WeightSource source;
  source.parts = {{{"one", Format::kF32, {1, 1}, std::as_bytes(std::span(&one, 1))}}};
  for (const NamedActivation& a : named_activations()) {
    if (a.activation.gated) continue;
    expect_alike(
        [&](Bench& bench, Tensor x) {
          const Tensor out = bench.tensor(DType::kF32, count, 1);
          bench.backend().expand(out, x, *bench.backend().pack(source), a.activation);
          return out;
        },
        a.name);
  }
}

// A token with one key of score 0: what its value is worth beside a sink of any height.
TEST_P(CpuBackendOn, SinksOfEveryHeight) {
  CpuBackend backend(options(1));
  Bench bench(backend);
  const KvLayer kv = {bench.floats({0, 0}, 1), bench.floats({1, 1}, 1), 1};
  const Step step = make_step(bench, 1, {{0, 1, {0}}});
  AttentionLayer layer;
  layer.heads = {1, 1, 2};
  layer.scale = 1;
  layer.sinks = bench.floats({0}, 1);
  const Tensor out = bench.tensor(DType::kF32, 1, 2);
  for (float sink = -100; sink < 80; sink += 0.371f) {
    *layer.sinks.at<float>(0, 0) = sink;
    backend.attend(out, bench.floats(std::vector<float>(6, 0), 1), kv, step, layer);
    const double expected = 1 / (1 + std::exp(static_cast<double>(sink)));
    EXPECT_NEAR(*out.at<float>(0, 0), expected, expected * (std::abs(sink) + 8) * 1.2e-7) << sink;
  }
}

// Positions that a query does not see may hold anything: a later token, or one before its window.
TEST_P(CpuBackendOn, B58_NotANumberReachesOnlyWhoSeesIt) {
  CpuBackend backend(options(2));
  for (const int window : {0, 20}) {
    Bench bench(backend);
    const int tokens = 100;
    const int bad = 50;
    const HeadShape heads = {4, 2, 16};
    const KvLayer kv = random_blocks(bench, DType::kF32, 16, 7, heads);
    for (int c = 0; c < heads.k_width(); ++c)
      *kv.k.at<float>(bad / 16, c * 16 + bad % 16) = *kv.v.at<float>(bad, c) = std::nanf("");
    const Step step = make_step(bench, 16, {{0, tokens, {0, 1, 2, 3, 4, 5, 6}}});
    AttentionLayer layer;
    layer.heads = heads;
    layer.scale = 0.25f;
    layer.window = window;
    const Tensor out = bench.tensor(DType::kF32, tokens, heads.q_width());
    backend.attend(out, bench.random(tokens, heads.qkv_width(), 3), kv, step, layer);
    for (int t = 0; t < tokens; ++t) {
      const bool sees = t >= bad && (window == 0 || t - window < bad);
      for (int c = 0; c < heads.q_width(); ++c)
        ASSERT_EQ(std::isnan(*out.at<float>(t, c)), sees) << "token " << t << ", window " << window;
    }
  }
}

// Two keys whose scores differ by x: the weight of one is 1 / (1 + e^x), down to where float32 ends.
TEST_P(CpuBackendOn, WeightsAreRightAtEveryMagnitude) {
  CpuBackend backend(options(1));
  Bench bench(backend);
  const KvLayer kv = {bench.floats({1, 0, 0, 0}, 1), bench.floats({0, 1, 1, 0}, 2), 2};
  const Step step = make_step(bench, 2, {{1, 1, {0}}});
  AttentionLayer layer;
  layer.heads = {1, 1, 2};
  layer.scale = 1;
  const Tensor out = bench.tensor(DType::kF32, 1, 2);
  for (float x = -100; x < 100; x += 0.371f) {
    backend.attend(out, bench.floats({x, 0, 0, 0, 0, 0}, 1), kv, step, layer);
    const double expected = 1 / (1 + std::exp(static_cast<double>(x)));
    const double allowed = expected * (std::abs(x) + 8) * 1.2e-7 + 0x1p-126;
    EXPECT_NEAR(*out.at<float>(0, 0), expected, allowed) << x;
  }
}

// Tensors of a file begin where its header ends, which need not be a multiple of anything.
TEST_P(CpuBackendOn, WeightsAtOddAddresses) {
  CpuBackend backend(options(1));
  for (const Format format : kAllFormats) {
    Bench bench(backend);
    const int cols = std::max(32, traits(format).block_values);
    const RandomWeight random(format, 5, cols, 1);
    const std::span<const std::byte> stored = random.source().parts[0][0].bytes;
    std::vector<std::byte> moved(stored.size() + 1);
    std::copy(stored.begin(), stored.end(), moved.begin() + 1);
    WeightSource source = random.source();
    source.parts[0][0].bytes = std::span(moved).subspan(1);
    const auto odd = backend.pack(source);
    const Tensor x = bench.random(3, cols, 2);
    const Tensor expected = bench.tensor(DType::kF32, 3, 5);
    const Tensor out = bench.tensor(DType::kF32, 3, 5);
    backend.linear(expected, x, bench.weight(random));
    backend.linear(out, x, *odd);
    EXPECT_EQ(std::memcmp(out.data, expected.data, out.bytes()), 0) << name_of(format);
  }
}

TEST_P(CpuBackendOn, TiesGoToTheLowerExpert) {
  CpuBackend backend(options(1));
  Bench bench(backend);
  const Tensor logits = bench.floats({1, 3, 2, 3, 3, 2, 0, 0, 0, 0, 0, 0}, 2);
  const Routing routing = {bench.tensor(DType::kI32, 2, 4), bench.tensor(DType::kF32, 2, 4)};
  backend.route(routing, logits, {.top_k = 4, .renormalize = true});
  std::vector<int32_t> ids(8);
  backend.download(std::as_writable_bytes(std::span(ids)), routing.expert_ids);
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 3, 4, 2, 0, 1, 2, 3}));
  EXPECT_FLOAT_EQ(*routing.weights.at<float>(1, 2), 0.25f);
}

// Zeros, numbers too small for a normal scale, one outlier: what quantising must survive.
TEST_P(CpuBackendOn, InputsOfEveryMagnitude) {
  CpuBackend backend(options(1));
  ReferenceBackend reference;
  const RandomWeight random(Format::kQ8_0, 5, 64, 1);
  for (const float magnitude : {0.0f, 1e-44f, 1e-38f, 1e-20f, 1.0f, 1e20f, 1e30f}) {
    std::vector<float> x = grid_floats(64, 2);
    for (float& v : x) v *= magnitude;
    std::vector<Outputs> both;
    for (Backend* b : std::initializer_list<Backend*>{&backend, &reference}) {
      Bench bench(*b);
      const Tensor out = bench.tensor(DType::kF32, 1, 5);
      bench.add_output(out);
      b->linear(out, bench.floats(x, 1), bench.weight(random));
      both.push_back(bench.outputs());
    }
    if (magnitude >= 1e-20f || magnitude == 0) {
      EXPECT_EQ(disagreement(both[1], both[0], Agreement::kRounded), "") << magnitude;
    } else {
      for (const float v : both[0][0]) EXPECT_LT(std::abs(v), 1e-35f);
    }
  }
}

TEST(CpuBackend, MemoryIsZeroedAndBeginsAtACacheLine) {
  CpuBackend backend({.threads = 1});
  for (const size_t bytes : {size_t{1}, size_t{100}, size_t{1} << 20}) {
    const auto buffer = backend.allocate(bytes);
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0U);
    const auto* data = static_cast<const std::byte*>(buffer->data());
    EXPECT_TRUE(std::all_of(data, data + bytes, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(CpuFaults, B55_MoreMemoryThanThereIs) {
  CpuBackend backend({.threads = 1});
  for (const size_t bytes : {backend.free_bytes() * 2, ~size_t{0}}) {
    try {
      backend.allocate(bytes);
      FAIL() << "allocated " << bytes;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNoMemory);
      EXPECT_TRUE(
          std::string(error.what()).starts_with(fmt::format("not enough memory: {} bytes needed, ", bytes)))
          << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, CpuBackendOn, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum::test
