// Rows of the table: the choice of experts, and their products.
#include <numeric>

#include "operations.h"

namespace ferrum::test {
namespace {

Operation experts(const std::string& name, int tokens, int groups, int top_k,
                  std::vector<RandomWeight::PartSpec> up, RandomWeight::PartSpec down, int cols,
                  const Activation& activation = {}, bool bias = false) {
  const auto first = std::make_shared<RandomWeight>(groups, cols, up, bias, 21);
  int rows = 0;
  for (const auto& part : up) rows += part.rows;
  const int width = activation.gated ? rows / 2 : rows;
  const auto second = std::make_shared<RandomWeight>(groups, width, std::vector{down}, bias, 22);
  return {"experts/" + name + "/tokens" + std::to_string(tokens), Agreement::kQuantized, [=](Bench& bench) {
            std::mt19937 random(23);
            std::vector<int32_t> ids;
            for (int t = 0; t < tokens; ++t) {
              std::vector<int32_t> all(static_cast<size_t>(groups));
              std::iota(all.begin(), all.end(), 0);
              std::shuffle(all.begin(), all.end(), random);
              ids.insert(ids.end(), all.begin(), all.begin() + top_k);
            }
            const Routing routing = {bench.integers(ids, tokens), bench.random(tokens, top_k, 24)};
            const Tensor x = bench.floats(
                grid_floats(static_cast<size_t>(tokens) * static_cast<size_t>(cols), 25), tokens);
            const Weight& w1 = bench.weight(*first);
            const Weight& w2 = bench.weight(*second);
            const Tensor out = bench.tensor(DType::kF32, tokens, cols);
            bench.add_output(out);
            bench.set_run([&bench, first, second, routing, x, out, activation, &w1, &w2] {
              bench.backend().experts(out, x, routing, w1, w2, activation);
            });
          }};
}

// A selection bias that changes the order, if `bias`.
Operation route(const std::string& name, int tokens, int experts, RoutingRule rule, bool bias = false) {
  return {fmt::format("route/{}/{}of{}/tokens{}", name, rule.top_k, experts, tokens), Agreement::kRounded,
          [=](Bench& bench) {
            const Tensor logits = bench.random(tokens, experts, 31);
            RoutingRule biased = rule;
            if (bias) biased.selection_bias = bench.random(1, experts, 32);
            if (name.ends_with("_own_scales")) biased.expert_scales = bench.random(1, experts, 33);
            const Routing out = {bench.tensor(DType::kI32, tokens, rule.top_k),
                                 bench.tensor(DType::kF32, tokens, rule.top_k)};
            bench.add_output(out.expert_ids);
            bench.add_output(out.weights);
            bench.set_run([&bench, logits, out, biased] { bench.backend().route(out, logits, biased); });
          }};
}

void add_routes(std::vector<Operation>& all, int tokens) {
  using Score = RoutingRule::Score;
  all.push_back(route("softmax", tokens, 8, {.top_k = 2}));
  all.push_back(route("softmax_renormalized", tokens, 8, {.top_k = 2, .renormalize = true}));
  all.push_back(route("softmax_renormalized", tokens, 128, {.top_k = 8, .renormalize = true}));
  all.push_back(route("softmax", tokens, 5, {.top_k = 5}));
  all.push_back(route("softmax_own_scales", tokens, 16, {.top_k = 3, .renormalize = true}));
  all.push_back(route("softmax_floor", tokens, 64, {.top_k = 2, .renormalize = true, .floor = 0.3f}));
  all.push_back(route("of_chosen", tokens, 32, {.top_k = 4, .score = Score::kSoftmaxOfChosen}));
  all.push_back(route("of_chosen_scaled", tokens, 32,
                      {.top_k = 4, .score = Score::kSoftmaxOfChosen, .renormalize = true, .scale = 1.5f}));
  for (const float jitter : {0.01f, 0.3f, 2.0f})
    for (const int experts : {5, 16, 70})
      all.push_back(route(fmt::format("one_by_one{}_own_scales", jitter), tokens, experts,
                          {.top_k = 3, .score = Score::kOneByOne, .scale = 1.5f, .jitter = jitter}));
  for (const Score score : {Score::kSoftmax, Score::kSigmoid, Score::kSoftmaxOfChosen}) {
    const std::string name = score == Score::kSoftmax   ? "softmax"
                             : score == Score::kSigmoid ? "sigmoid"
                                                        : "chosen";
    RoutingRule rule = {.top_k = 3, .score = score, .scale = 2.5f};
    all.push_back(route(name + "_scaled", tokens, 33, rule));
    all.push_back(route(name + "_biased", tokens, 33, rule, true));
    rule.renormalize = true;
    rule.floor = 6.1e-5f;
    all.push_back(route(name + "_biased_renormalized", tokens, 160, rule, true));
    rule.groups = 8;
    rule.groups_used = 3;
    all.push_back(route(name + "_groups", tokens, 160, rule));
    all.push_back(route(name + "_groups_biased", tokens, 64, rule, true));
    rule.group_by_largest = true;
    all.push_back(route(name + "_groups_by_largest", tokens, 64, rule, true));
    rule.groups = rule.groups_used = 4;
    all.push_back(route(name + "_groups_of_one", tokens, 4, rule, true));
  }
}

}  // namespace

std::vector<Operation> expert_operations() {
  std::vector<Operation> all;
  for (const int tokens : {1, 17}) add_routes(all, tokens);
  const auto same = [](Format format) {
    return std::vector<RandomWeight::PartSpec>{{format, 256}, {format, 256}};
  };
  for (const Format format : kAllFormats)
    for (const int tokens : {1, 9})
      all.push_back(experts(std::string(name_of(format)), tokens, 4, 2, same(format), {format, 256}, 256));
  all.push_back(experts("mixed", 17, 6, 3, {{Format::kQ4_K, 256, true}, {Format::kQ5_K, 256}},
                        {Format::kQ6_K, 256, true}, 256));
  all.push_back(
      experts("odd", 17, 5, 5, {{Format::kQ8_0, 96}, {Format::kQ4_0, 96, true}}, {Format::kQ8_0, 64}, 64));
  all.push_back(
      experts("one", 40, 1, 1, {{Format::kQ8_0, 96}, {Format::kQ8_0, 96}}, {Format::kBF16, 64}, 64));
  for (const NamedActivation& a : named_activations()) {
    for (const int tokens : {1, 23})
      all.push_back(experts(a.name, tokens, 6, 2, {{Format::kQ8_0, 96}, {Format::kQ8_0, 96}},
                            {Format::kQ8_0, 64}, 64, a.activation, true));
    if (!a.activation.gated)
      all.push_back(experts(a.name + "_odd", 7, 3, 2, {{Format::kBF16, 35}}, {Format::kBF16, 50}, 50,
                            a.activation, true));
  }
  const auto ordered = [](Format format, int rows, bool tensor_per_group) {
    return RandomWeight::PartSpec{format, rows, tensor_per_group, true, true};
  };
  for (const int tokens : {1, 2, 40}) {
    all.push_back(experts("ordered", tokens, 5, 2,
                          {ordered(Format::kG4_64, 64, true), ordered(Format::kG4_64, 64, true)},
                          ordered(Format::kG4_32, 320, true), 320));
    all.push_back(experts("ordered_down", tokens, 3, 3,
                          {{Format::kQ8_0, 64}, {Format::kG4_32, 64, true, false, true}},
                          ordered(Format::kG4_64, 96, false), 96));
    all.push_back(experts("ordered_gate", tokens, 4, 2,
                          {ordered(Format::kQ8_0, 64, false), ordered(Format::kQ8_0, 64, false)},
                          {Format::kBF16, 96}, 96));
  }
  all.push_back(
      experts("many", 600, 16, 8, {{Format::kQ8_0, 32}, {Format::kQ8_0, 32}}, {Format::kQ8_0, 32}, 32));
  return all;
}

}  // namespace ferrum::test
