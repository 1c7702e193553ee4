// Rows of the table: what is done to each row of a batch by itself.
#include "operations.h"

namespace ferrum::test {
namespace {

// A norm, with its weight and bias where it has them.
struct NormCase {
  std::string name;
  Norm::Kind kind;
  int cols;
  bool weight;
  bool bias;

  Norm on(Bench& bench) const {
    Norm norm = {.kind = kind, .eps = 1e-5f};
    if (weight) norm.weight = bench.random(1, cols, 3);
    if (bias) norm.bias = bench.random(1, cols, 33);
    return norm;
  }
};

std::vector<NormCase> norm_cases(int cols) {
  std::vector<NormCase> all = {{"none", Norm::Kind::kNone, cols, false, false},
                               {"rms", Norm::Kind::kRms, cols, true, false},
                               {"rms_plain", Norm::Kind::kRms, cols, false, false}};
  if (cols == 1) return all;  // one value is its own mean: nothing is left of it
  all.push_back({"layer", Norm::Kind::kLayer, cols, true, true});
  all.push_back({"layer_weight", Norm::Kind::kLayer, cols, true, false});
  all.push_back({"layer_plain", Norm::Kind::kLayer, cols, false, false});
  return all;
}

}  // namespace

std::vector<Operation> token_wise_operations() {
  std::vector<Operation> all;
  for (const Format format : kAllFormats) {
    const int cols = std::max(traits(format).block_values, 32) * 2;
    all.push_back({"embed/" + std::string(name_of(format)), Agreement::kRounded, [=](Bench& bench) {
                     const auto table = std::make_shared<RandomWeight>(format, 9, cols, 1);
                     const Tensor tokens = bench.integers({8, 0, 3, 3, 7}, 5);
                     const Weight& packed = bench.weight(*table);
                     const Tensor out = bench.tensor(DType::kF32, 5, cols, cols + 1);
                     bench.add_output(out);
                     bench.set_run([&bench, table, tokens, out, &packed] {
                       bench.backend().embed(out, packed, tokens);
                     });
                   }});
  }
  for (const int cols : {1, 7, 64, 200}) {
    const std::string shape = "/cols" + std::to_string(cols);
    for (const NormCase& c : norm_cases(cols)) {
      all.push_back({"norm/" + c.name + shape, Agreement::kRounded, [=](Bench& bench) {
                       const Tensor x = bench.random(3, cols, 2, cols + 2);
                       const Norm norm = c.on(bench);
                       const Tensor out = bench.tensor(DType::kF32, 3, cols);
                       bench.add_output(out);
                       bench.set_run([&bench, x, norm, out] { bench.backend().norm(out, x, norm); });
                     }});
      all.push_back({"norm_in_place/" + c.name + shape, Agreement::kRounded, [=](Bench& bench) {
                       const Tensor x = bench.random(3, cols, 2);
                       const Norm norm = c.on(bench);
                       bench.add_output(x);
                       bench.set_run([&bench, x, norm] { bench.backend().norm(x, x, norm); });
                     }});
      for (const float scale : {1.0f, 0.22f})
        all.push_back({fmt::format("add_norm/{}{}/scale{}", c.name, shape, scale), Agreement::kRounded,
                       [=](Bench& bench) {
                         const Tensor residual = bench.random(3, cols, 4);
                         const Tensor x = bench.random(3, cols, 5, cols + 2);
                         const Norm norm = c.on(bench);
                         const Tensor out = bench.tensor(DType::kF32, 3, cols);
                         bench.add_output(out);
                         bench.add_output(residual);
                         bench.set_run([&bench, residual, x, scale, norm, out] {
                           bench.backend().add_norm(out, residual, x, scale, norm);
                         });
                       }});
    }
    all.push_back({"add" + shape, Agreement::kRounded, [=](Bench& bench) {
                     const Tensor to = bench.random(3, cols, 4, cols + 1);
                     const Tensor x = bench.random(3, cols, 5, cols + 2);
                     bench.add_output(to);
                     bench.set_run([&bench, to, x] { bench.backend().add(to, x, -0.3f); });
                   }});
    for (const float cap : {0.0f, 0.5f, 30.0f})
      all.push_back({fmt::format("scale{}/cap{}", shape, cap), Agreement::kRounded, [=](Bench& bench) {
                       const Tensor x = bench.random(3, cols, 6, cols + 1);
                       bench.add_output(x);
                       bench.set_run([&bench, x, cap] { bench.backend().scale(x, 1.7f, cap); });
                     }});
  }
  for (const auto& [cols, gates] : {std::pair{64, 64}, {7, 7}, {200, 200}, {96, 6}, {210, 30}, {90, 1}})
    for (const GateKind kind : {GateKind::kSigmoid, GateKind::kSoftplus, GateKind::kItself})
      all.push_back({fmt::format("apply_gate/{}/{}of{}",
                                 kind == GateKind::kSigmoid    ? "sigmoid"
                                 : kind == GateKind::kSoftplus ? "softplus"
                                                               : "itself",
                                 gates, cols),
                     Agreement::kRounded, [=, cols = cols, gates = gates](Bench& bench) {
                       const Tensor x = bench.random(5, cols, 7, cols + 3);
                       const Tensor g = bench.random(5, gates, 8, gates + 1);
                       bench.add_output(x);
                       bench.set_run([&bench, x, g, kind] { bench.backend().apply_gate(x, g, kind); });
                     }});
  all.push_back({"gather_rows", Agreement::kExact, [](Bench& bench) {
                   const Tensor x = bench.random(6, 33, 7, 40);
                   const Tensor rows = bench.integers({5, 0, 0, 4}, 4);
                   const Tensor out = bench.tensor(DType::kF32, 4, 33);
                   bench.add_output(out);
                   bench.set_run([&bench, x, rows, out] { bench.backend().gather_rows(out, x, rows); });
                 }});
  all.push_back({"scatter_rows", Agreement::kExact, [](Bench& bench) {
                   const Tensor x = bench.random(3, 33, 7, 40);
                   const Tensor rows = bench.integers({5, 0, 4}, 3);
                   const Tensor to = bench.random(6, 33, 8, 35);
                   bench.add_output(to);
                   bench.set_run([&bench, x, rows, to] { bench.backend().scatter_rows(to, x, rows); });
                 }});
  constexpr std::pair<Pooling, std::string_view> kPoolings[] = {{Pooling::kMean, "mean"},
                                                                {Pooling::kMeanOfRoot, "mean_of_root"},
                                                                {Pooling::kWeightedMean, "weighted_mean"},
                                                                {Pooling::kMax, "max"},
                                                                {Pooling::kFirst, "first"},
                                                                {Pooling::kLast, "last"}};
  for (const auto& [how, name] : kPoolings)
    all.push_back({"pool/" + std::string(name), Agreement::kRounded, [how = how](Bench& bench) {
                     const Tensor x = bench.random(120, 33, 7, 40);
                     const Tensor starts = bench.integers({0, 1, 4, 120}, 4);
                     const Tensor out = bench.tensor(DType::kF32, 3, 33, 35);
                     bench.add_output(out);
                     bench.set_run(
                         [&bench, x, starts, out, how] { bench.backend().pool(out, x, starts, how); });
                   }});
  all.push_back({"copy_blocks", Agreement::kExact, [](Bench& bench) {
                   const KvLayer kv = {bench.random(5, 4 * 6, 8), bench.random(5 * 4, 6, 9), 4, 0, {}, {}, 5};
                   const Tensor from_to = bench.integers({0, 3, 4, 1}, 2);
                   bench.add_output(kv.k);
                   bench.add_output(kv.v);
                   bench.set_run([&bench, kv, from_to] { bench.backend().copy_blocks(kv, from_to); });
                 }});
  return all;
}

}  // namespace ferrum::test
