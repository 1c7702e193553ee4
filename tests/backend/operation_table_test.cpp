// The table of operations × shapes × formats, and what must hold for the table itself.
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "backend/reference/reference_backend.h"
#include "block_step.h"
#include "operations.h"

namespace ferrum::test {

std::vector<float> grid_floats(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(static_cast<int>(random() % 255) - 127);
  for (size_t i = 0; i < count; i += 32) values[i + random() % std::min<size_t>(32, count - i)] = 127;
  for (float& v : values) v *= 0x1p-6f;
  return values;
}

namespace {

int block_of(Format format) { return traits(format).block_values; }

Operation linear(const std::string& shape, int tokens, std::vector<RandomWeight::PartSpec> parts, int cols,
                 bool bias, bool on_grid) {
  std::string name = "linear/" + shape;
  for (const auto& part : parts)
    name += "/" + std::string(name_of(part.format)) + (part.is_ordered ? "_ordered" : "");
  name += "/tokens" + std::to_string(tokens) + (bias ? "/bias" : "") + (on_grid ? "/grid" : "");
  const auto w = std::make_shared<RandomWeight>(1, cols, parts, bias, 7);
  return {name, on_grid ? Agreement::kRounded : Agreement::kQuantized, [=](Bench& bench) {
            const size_t count = static_cast<size_t>(tokens) * static_cast<size_t>(cols);
            // Rows further apart than they are wide, on both sides.
            const Tensor x =
                bench.floats(on_grid ? grid_floats(count, 3) : random_floats(count, 3), tokens, cols + 5);
            const Weight& packed = bench.weight(*w);
            const Tensor out = bench.tensor(DType::kF32, tokens, packed.rows(), packed.rows() + 3);
            bench.add_output(out);
            bench.set_run([&bench, w, x, out, &packed] { bench.backend().linear(out, x, packed); });
          }};
}

Operation swiglu(int tokens, std::vector<RandomWeight::PartSpec> parts, int cols, bool bias) {
  std::string name = "swiglu/cols" + std::to_string(cols);
  for (const auto& part : parts)
    name += fmt::format("/{}{}x{}", name_of(part.format), part.is_ordered ? "_ordered" : "", part.rows);
  name += "/tokens" + std::to_string(tokens) + (bias ? "/bias" : "");
  const auto w = std::make_shared<RandomWeight>(1, cols, parts, bias, 9);
  // In another order a group of 32 may lack the largest integer, so that rounding to bytes is seen.
  const bool is_ordered = std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p.is_ordered; });
  return {name, is_ordered ? Agreement::kQuantized : Agreement::kRounded, [=](Bench& bench) {
            const Tensor x =
                bench.floats(grid_floats(static_cast<size_t>(tokens) * static_cast<size_t>(cols), 4), tokens);
            const Weight& packed = bench.weight(*w);
            const Tensor out = bench.tensor(DType::kF32, tokens, packed.rows() / 2);
            bench.add_output(out);
            bench.set_run([&bench, w, x, out, &packed] { bench.backend().swiglu(out, x, packed); });
          }};
}

// A ragged batch over a KV cache of blocks.
struct AttentionCase {
  std::string name;
  HeadShape heads = {4, 2, 32};
  int window = 0;
  int block_tokens = 16;
  int rotary_dim = 0;  // 0: the whole head
  RopePairing pairing = RopePairing::kHalves;
  bool head_norm = false;
  DType kv = DType::kF32;
  bool stores = true;  // rope_and_store first; otherwise all blocks are there already
  struct Sequence {
    int past;  // tokens that the cache holds already
    int now;   // tokens of this step
  };
  std::vector<Sequence> sequences = {{0, 7}, {20, 1}};
};

Operation attention(const AttentionCase& c) {
  const auto agreement = c.kv == DType::kF32 || !c.stores ? Agreement::kRounded : Agreement::kHalf;
  return {(c.stores ? "attention/" : "attend/") + c.name, agreement, [c](Bench& bench) {
            int most_blocks = 0;
            for (const auto& [past, now] : c.sequences)
              most_blocks = std::max(most_blocks, (past + now + c.block_tokens - 1) / c.block_tokens);
            const int blocks = most_blocks * static_cast<int>(c.sequences.size());
            std::vector<int32_t> shuffled(static_cast<size_t>(blocks));  // not in the order of memory
            std::iota(shuffled.begin(), shuffled.end(), 0);
            std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(10));
            std::vector<SequencePart> parts;
            for (auto first = shuffled.begin(); const auto& [past, now] : c.sequences) {
              parts.push_back({past, now, {first, first + most_blocks}});
              first += most_blocks;
            }
            const Step step = make_step(bench, c.block_tokens, parts);
            const int rows = step.shape.tokens;

            const KvLayer kv = random_blocks(bench, c.kv, c.block_tokens, blocks, c.heads);

            const int rotary = c.rotary_dim > 0 ? c.rotary_dim : c.heads.head_dim;
            AttentionLayer layer;
            layer.heads = c.heads;
            layer.rope = {rotation_table(bench, most_blocks * c.block_tokens, rotary), c.pairing};
            if (c.head_norm) {
              layer.q_norm = bench.random(1, c.heads.head_dim, 13);
              layer.k_norm = bench.random(1, c.heads.head_dim, 14);
            }
            layer.norm_eps = 1e-6f;
            layer.scale = 1.0f / std::sqrt(static_cast<float>(c.heads.head_dim));
            layer.window = c.window;

            // The rotation is in place, so each run starts from a copy.
            const Tensor input = bench.random(rows, c.heads.qkv_width(), 15);
            const Tensor qkv = bench.tensor(DType::kF32, rows, c.heads.qkv_width());
            const Tensor out = bench.tensor(DType::kF32, rows, c.heads.q_width());
            std::vector<int32_t> all(static_cast<size_t>(rows));
            std::iota(all.begin(), all.end(), 0);
            const Tensor all_rows = bench.integers(all, rows);
            if (c.stores)
              for (const Tensor& t : {qkv, kv.k, kv.v}) bench.add_output(t);
            bench.add_output(out);
            bench.set_run([&bench, input, all_rows, qkv, out, kv, step, layer, stores = c.stores] {
              bench.backend().gather_rows(qkv, input, all_rows);
              if (stores) bench.backend().rope_and_store(qkv, kv, step, layer);
              bench.backend().attend(out, qkv, kv, step, layer);
            });
          }};
}

Operation experts(const std::string& name, int tokens, int groups, int top_k,
                  std::vector<RandomWeight::PartSpec> gate_up, RandomWeight::PartSpec down, int cols) {
  const auto first = std::make_shared<RandomWeight>(groups, cols, gate_up, false, 21);
  const auto second = std::make_shared<RandomWeight>(groups, gate_up[0].rows, std::vector{down}, false, 22);
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
            bench.set_run([&bench, first, second, routing, x, out, &w1, &w2] {
              bench.backend().experts(out, x, routing, w1, w2);
            });
          }};
}

Operation route(int tokens, int experts, RoutingRule rule) {
  return {fmt::format("route/{}of{}{}/tokens{}", rule.top_k, experts, rule.renormalize ? "/renormalized" : "",
                      tokens),
          Agreement::kRounded, [=](Bench& bench) {
            const Tensor logits = bench.random(tokens, experts, 31);
            const Routing out = {bench.tensor(DType::kI32, tokens, rule.top_k),
                                 bench.tensor(DType::kF32, tokens, rule.top_k)};
            bench.add_output(out.expert_ids);
            bench.add_output(out.weights);
            bench.set_run([&bench, logits, out, rule] { bench.backend().route(out, logits, rule); });
          }};
}

}  // namespace

std::vector<Operation> token_wise_operations() {
  std::vector<Operation> all;
  for (const Format format : kAllFormats) {
    const int cols = std::max(block_of(format), 32) * 2;
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
    all.push_back({"rms_norm" + shape, Agreement::kRounded, [=](Bench& bench) {
                     const Tensor x = bench.random(3, cols, 2, cols + 2);
                     const Tensor weight = bench.random(1, cols, 3);
                     const Tensor out = bench.tensor(DType::kF32, 3, cols);
                     bench.add_output(out);
                     bench.set_run(
                         [&bench, x, weight, out] { bench.backend().rms_norm(out, x, weight, 1e-5f); });
                   }});
    all.push_back({"rms_norm_in_place" + shape, Agreement::kRounded, [=](Bench& bench) {
                     const Tensor x = bench.random(3, cols, 2);
                     const Tensor weight = bench.random(1, cols, 3);
                     bench.add_output(x);
                     bench.set_run([&bench, x, weight] { bench.backend().rms_norm(x, x, weight, 1e-5f); });
                   }});
    all.push_back({"add_rms_norm" + shape, Agreement::kRounded, [=](Bench& bench) {
                     const Tensor residual = bench.random(3, cols, 4);
                     const Tensor x = bench.random(3, cols, 5, cols + 2);
                     const Tensor weight = bench.random(1, cols, 6);
                     const Tensor out = bench.tensor(DType::kF32, 3, cols);
                     bench.add_output(out);
                     bench.add_output(residual);
                     bench.set_run([&bench, residual, x, weight, out] {
                       bench.backend().add_rms_norm(out, residual, x, weight, 1e-5f);
                     });
                   }});
  }
  all.push_back({"gather_rows", Agreement::kExact, [](Bench& bench) {
                   const Tensor x = bench.random(6, 33, 7, 40);
                   const Tensor rows = bench.integers({5, 0, 0, 4}, 4);
                   const Tensor out = bench.tensor(DType::kF32, 4, 33);
                   bench.add_output(out);
                   bench.set_run([&bench, x, rows, out] { bench.backend().gather_rows(out, x, rows); });
                 }});
  all.push_back({"copy_blocks", Agreement::kExact, [](Bench& bench) {
                   const KvLayer kv = {bench.random(5, 4 * 6, 8), bench.random(5 * 4, 6, 9), 4};
                   const Tensor from_to = bench.integers({0, 3, 4, 1}, 2);
                   bench.add_output(kv.k);
                   bench.add_output(kv.v);
                   bench.set_run([&bench, kv, from_to] { bench.backend().copy_blocks(kv, from_to); });
                 }});
  for (const int tokens : {1, 17}) {
    all.push_back(route(tokens, 8, {2, false}));
    all.push_back(route(tokens, 8, {2, true}));
    all.push_back(route(tokens, 128, {8, true}));
    all.push_back(route(tokens, 5, {5, false}));
  }
  return all;
}

std::vector<Operation> matrix_operations() {
  std::vector<Operation> all;
  for (const Format format : kAllFormats) {
    const int block = std::max(block_of(format), 32);
    for (const int tokens : {1, 2, 3, 17})
      all.push_back(linear("7rows", tokens, {{format, 7}}, 2 * block, false, true));
    all.push_back(linear("1row", 1, {{format, 1}}, block, false, true));
    all.push_back(linear("33rows", 64, {{format, 33}}, 2 * block, true, true));
    all.push_back(linear("18rows", 5, {{format, 18}}, 512, false, false));
    all.push_back(swiglu(3, {{format, 37}, {format, 37}}, 2 * block, false));
  }
  // 288 and 96: not whole spans of 256. 50, 3: not whole registers.
  for (const Format format : {Format::kQ4_0, Format::kQ8_0, Format::kIQ4_NL})
    for (const int cols : {32, 96, 288})
      all.push_back(linear("odd" + std::to_string(cols), 5, {{format, 9}}, cols, false, true));
  for (const auto& [format, cols] : {std::pair{Format::kG4_32, 288},
                                     {Format::kG4_64, 192},
                                     {Format::kG4_64, 448},
                                     {Format::kG4_128, 384},
                                     {Format::kG4_128, 640}})
    for (const int tokens : {1, 30})
      all.push_back(linear("odd" + std::to_string(cols), tokens, {{format, 21}}, cols, false, true));
  for (const Format format : {Format::kF32, Format::kF16, Format::kBF16})
    for (const int cols : {3, 50})
      all.push_back(linear("odd" + std::to_string(cols), 6, {{format, 9}}, cols, true, true));
  all.push_back(
      linear("stack", 5, {{Format::kQ4_K, 8}, {Format::kQ4_K, 3}, {Format::kQ6_K, 6}}, 512, true, true));
  all.push_back(
      linear("stack", 5, {{Format::kBF16, 5}, {Format::kQ8_0, 6}, {Format::kF32, 1}}, 96, true, true));
  all.push_back(linear("long", 700, {{Format::kQ8_0, 5}}, 64, false, true));  // more than one batch
  all.push_back(swiglu(1, {{Format::kQ4_K, 64}, {Format::kQ6_K, 64}}, 256, true));
  all.push_back(swiglu(17, {{Format::kQ8_0, 41}, {Format::kBF16, 41}}, 96, false));
  all.push_back(
      swiglu(2, {{Format::kQ8_0, 30}, {Format::kQ4_0, 50}, {Format::kQ8_0, 20}}, 64, false));  // mid-gate

  // Columns in orders of their own, and rows that are made when they are packed.
  using Part = RandomWeight::PartSpec;
  const auto ordered = [](Format format, int rows) { return Part{format, rows, false, true, true}; };
  for (const int tokens : {1, 7, 300}) {
    all.push_back(linear("ordered", tokens, {ordered(Format::kG4_64, 19)}, 320, true, false));
    all.push_back(linear("orders", tokens,
                         {ordered(Format::kG4_32, 8), {Format::kBF16, 5}, ordered(Format::kG4_128, 20)}, 384,
                         true, false));
  }
  all.push_back(
      linear("made", 3, {{Format::kQ6_K, 21, false, false, true}, {Format::kG4_64, 3}}, 512, true, true));
  all.push_back(swiglu(1, {ordered(Format::kG4_32, 40), ordered(Format::kG4_32, 40)}, 96, false));
  all.push_back(swiglu(20, {ordered(Format::kG4_128, 33), {Format::kQ8_0, 33}}, 256, false));
  return all;
}

std::vector<Operation> attention_operations() {
  std::vector<Operation> all;
  const auto add = [&](const AttentionCase& c) { all.push_back(attention(c)); };
  for (const int head_dim : {2, 6, 32, 48, 64, 80, 128})
    add({.name = "dim" + std::to_string(head_dim), .heads = {4, 2, head_dim}});
  for (const int group : {1, 2, 4, 8, 7, 12})
    add({.name = "group" + std::to_string(group), .heads = {group * 2, 2, 16}});
  for (const int window : {1, 5, 16, 40})
    add({.name = "window" + std::to_string(window), .window = window, .sequences = {{0, 37}, {63, 2}}});
  for (const int block : {1, 4, 32, 48, 64, 128})
    add({.name = "block" + std::to_string(block),
         .block_tokens = block,
         .sequences = {{0, 50}, {77, 3}, {130, 1}}});
  for (const DType kv : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
    add({.name = "kv_" + std::string(name_of(kv)), .kv = kv, .sequences = {{0, 20}, {33, 1}, {5, 9}}});
    add({.name = "odd_kv_" + std::string(name_of(kv)), .heads = {6, 2, 22}, .kv = kv});
  }
  add({.name = "neighbours", .pairing = RopePairing::kNeighbours});
  add({.name = "partial_halves", .rotary_dim = 12});
  add({.name = "partial_neighbours", .rotary_dim = 20, .pairing = RopePairing::kNeighbours});
  add({.name = "head_norm", .head_norm = true});
  add({.name = "head_norm_odd", .heads = {3, 1, 10}, .head_norm = true});
  add({.name = "long", .heads = {4, 1, 64}, .sequences = {{500, 5}, {0, 1}, {299, 1}}});

  // Attention by itself over the same blocks, so that a difference of rounding is all that may remain.
  for (const DType kv : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8}) {
    const std::string type = "/" + std::string(name_of(kv));
    const auto attend = [&](AttentionCase c) {
      c.name += type;
      c.kv = kv;
      c.stores = false;
      add(c);
    };
    for (const int head_dim : {2, 10, 64, 80, 96, 128, 256})
      attend({.name = "dim" + std::to_string(head_dim),
              .heads = {4, 2, head_dim},
              .sequences = {{30, 40}, {99, 1}}});
    attend(
        {.name = "partitions", .heads = {4, 2, 16}, .sequences = {{1020, 9}, {511, 1}, {512, 1}, {1535, 2}}});
    attend({.name = "prompt", .heads = {6, 2, 32}, .sequences = {{0, 190}, {0, 1}}});
    attend({.name = "heads_together", .heads = {12, 6, 16}, .sequences = {{5000, 1}, {40, 2}}});
    attend({.name = "nothing_new", .heads = {4, 2, 16}, .sequences = {{0, 0}, {5, 3}, {9, 0}}});
    if (kv == DType::kF32 || kv == DType::kBF16) continue;
    for (const int group : {1, 2, 3, 5, 8, 13, 130})
      attend({.name = "group" + std::to_string(group),
              .heads = {group * 2, 2, 8},
              .sequences = {{60, 9}, {131, 1}}});
    for (const int window : {1, 7, 64, 70, 512, 700})
      attend({.name = "window" + std::to_string(window),
              .heads = {2, 1, 16},
              .window = window,
              .sequences = {{1100, 70}, {700, 1}, {0, 3}}});
    for (const int block : {1, 16, 24, 256})
      attend({.name = "block" + std::to_string(block),
              .heads = {4, 2, 16},
              .block_tokens = block,
              .sequences = {{50, 85}, {300, 1}}});
  }
  return all;
}

std::vector<Operation> expert_operations() {
  std::vector<Operation> all;
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

namespace {

TEST(OperationTable, NamesAreDistinctAndReferenceResultsAreFiniteAndNotAllZero) {
  std::set<std::string> names;
  ReferenceBackend reference;
  for (const Operation& operation : all_operations()) {
    EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
    Bench bench(reference);
    operation.prepare(bench);
    bench.run();
    for (const std::vector<float>& values : bench.outputs()) {
      double squares = 0;
      for (const float v : values) squares += static_cast<double>(v) * v;
      EXPECT_TRUE(std::isfinite(squares)) << operation.name;
      EXPECT_GT(squares, 0) << operation.name;
    }
  }
  EXPECT_GT(names.size(), 250U);
}

TEST(OperationTable, DisagreementsAreSeen) {
  const std::vector<std::vector<float>> expected = {{1, -1, 1, -1}};
  EXPECT_EQ(disagreement(expected, {{1, -1, 1, -1}}, Agreement::kExact), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1, -1.0000001f}}, Agreement::kExact), "");
  EXPECT_EQ(disagreement(expected, {{1, -1, 1.00002f, -1}}, Agreement::kRounded), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.0001f, -1}}, Agreement::kRounded), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.04f, -1}}, Agreement::kHalf), "");
  EXPECT_EQ(disagreement(expected, {{1.01f, -1.01f, 0.99f, -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1.1f, -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, std::nanf(""), -1}}, Agreement::kQuantized), "");
  EXPECT_NE(disagreement(expected, {{1, -1, 1}}, Agreement::kQuantized), "");
}

}  // namespace
}  // namespace ferrum::test
