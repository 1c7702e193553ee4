// Weights on the host beside a device: which ones, and that an operation gives what the backend of its weight
// gives.
#include "backend/split/split_backend.h"

#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"
#include "operations.h"

namespace ferrum::test {
namespace {

struct Weights {
  RandomWeight table{Format::kF32, 40, 64, 1}, attention{Format::kQ8_0, 64, 64, 2},
      up{4, 64, {{Format::kF32, 32}}, false, 3}, down{4, 32, {{Format::kF32, 64}}, false, 4},
      last_up{4, 64, {{Format::kF32, 32}}, false, 5}, last_down{4, 32, {{Format::kF32, 64}}, false, 6},
      head{Format::kF32, 40, 64, 7};

  std::vector<WeightSource> sources() const {
    std::vector<WeightSource> all;
    for (const RandomWeight* w : {&table, &attention, &up, &down, &last_up, &last_down, &head})
      all.push_back(w->source());
    all[0].use = WeightUse::kLookUp;
    return all;
  }
};

constexpr uint64_t kTable = 40 * 64 * 4, kAttention = 64 * 68, kExperts = 4 * 32 * 64 * 4 * 2, kHead = kTable;
constexpr uint64_t kAll = kTable + kAttention + 2 * kExperts + kHead;

// Which of the sources are on the host, in their order.
std::string on_host(uint64_t room) {
  const Weights weights;
  const std::vector<WeightSource> sources = weights.sources();
  const Placement placement(sources, room);
  EXPECT_EQ(placement.device_bytes() + placement.host_bytes(), kAll);
  std::string places;
  for (const WeightSource& source : sources) places += placement.is_on_host(source) ? 'h' : '.';
  return places;
}

TEST(Placement, ExpertsGoFirstFromTheLastLayerThenTablesThenTheOthers) {
  EXPECT_EQ(on_host(kAll), ".......");
  EXPECT_EQ(on_host(kAll - 1), "....hh.");
  EXPECT_EQ(on_host(kAll - kExperts), "....hh.");
  EXPECT_EQ(on_host(kAll - kExperts - 1), "..hhhh.");
  EXPECT_EQ(on_host(kTable + kAttention + kHead - 1), "h.hhhh.");
  EXPECT_EQ(on_host(kAttention + kHead - 1), "h.hhhhh");
  EXPECT_EQ(on_host(0), "hhhhhhh");
}

TEST(Placement, NamesItself) {
  const Weights weights;
  const std::vector<WeightSource> sources = weights.sources();
  const auto arithmetic = [&](uint64_t room) {
    SplitBackend split(std::make_unique<ReferenceBackend>(),
                       std::make_unique<CpuBackend>(CpuOptions{.threads = 1}));
    split.place(Placement(sources, room));
    return split.arithmetic();
  };
  EXPECT_EQ(arithmetic(kAll), ReferenceBackend().arithmetic());
  EXPECT_EQ(arithmetic(0), arithmetic(0));
  EXPECT_NE(arithmetic(0), arithmetic(kAll - 1));
  EXPECT_NE(arithmetic(0).find(CpuBackend(CpuOptions{.threads = 1}).arithmetic()), std::string::npos);
}

// What operations with weights give, on rows that lie apart.
std::vector<std::vector<float>> results(Backend& backend) {
  const Weights weights;
  const std::vector<WeightSource> sources = weights.sources();
  if (auto* const split = dynamic_cast<SplitBackend*>(&backend)) split->place(Placement(sources, 0));
  Bench bench(backend);
  std::vector<Tensor> outputs;
  const auto add = [&](int rows, int cols) {
    outputs.push_back(bench.tensor(DType::kF32, rows, cols, cols + 3));
    return outputs.back();
  };
  const Tensor x = bench.random(5, 64, 8, 70);
  const Weight &attention = bench.weight(sources[1]), &up = bench.weight(sources[2]),
               &down = bench.weight(sources[3]);
  backend.embed(add(5, 64), bench.weight(sources[0]), bench.integers({3, 0, 39, 3, 7}, 5));
  backend.linear(add(5, 64), x, attention);
  backend.expand(add(5, 32), x, attention, {.kind = Activation::Kind::kSilu, .gated = true});
  backend.linear_chosen(add(5, 32), x, up, bench.integers({3, 0, 3, 1, 2}, 5));
  const Routing routing = {bench.integers({0, 1, 2, 3, 1, 0, 3, 2, 0, 2}, 5), bench.random(5, 2, 9)};
  backend.experts(add(5, 64), x, routing, up, down, {.kind = Activation::Kind::kSilu, .gated = false});
  backend.linear(add(0, 64), x.first_rows(0), attention);
  std::vector<std::vector<float>> all;
  for (const Tensor& t : outputs) {
    all.emplace_back(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
    backend.download(std::as_writable_bytes(std::span(all.back())), t);
  }
  return all;
}

TEST(SplitBackend, GivesTheBitsOfTheBackendThatHasTheWeight) {
  for (const cpu::Activations activations : {cpu::Activations::kInt8, cpu::Activations::kFloat32}) {
    const CpuOptions options = {.threads = 1, .activations = activations};
    CpuBackend cpu(options);
    SplitBackend split(std::make_unique<ReferenceBackend>(), std::make_unique<CpuBackend>(options));
    EXPECT_EQ(results(split), results(cpu));
  }
}

}  // namespace
}  // namespace ferrum::test
