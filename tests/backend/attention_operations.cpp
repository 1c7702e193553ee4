// Rows of the table: rotation, the KV cache in blocks, and attention over it.
#include <cmath>
#include <numeric>

#include "block_step.h"
#include "operations.h"

namespace ferrum::test {
namespace {

// A ragged batch over a KV cache of blocks.
struct AttentionCase {
  std::string name;
  HeadShape heads = {4, 2, 32};
  int window = 0;
  int block_tokens = 16;
  int rotary_dim = 0;  // 0: the whole head
  RopePairing pairing = RopePairing::kHalves;
  DType kv = DType::kF32;
  bool stores = true;  // rope_and_store first; otherwise all blocks are there already
  struct Sequence {
    int past;  // tokens that the cache holds already
    int now;   // tokens of this step
  };
  std::vector<Sequence> sequences = {{0, 7}, {20, 1}};
  // What the layer has beside that, on the bench's backend.
  std::function<void(Bench&, AttentionLayer&)> more = nullptr;
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
            layer.scale = 1.0f / std::sqrt(static_cast<float>(c.heads.head_dim));
            layer.window = c.window;
            if (c.more) c.more(bench, layer);

            // The rotation is in place, so each run starts from a copy.
            const int width = layer.shares_kv ? c.heads.q_width() : c.heads.qkv_width();
            const Tensor input = bench.random(rows, width, 15);
            const Tensor qkv = bench.tensor(DType::kF32, rows, width);
            const Tensor out = bench.tensor(DType::kF32, rows, c.heads.out_width());
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

// RMS norms of q and k, of each head or of full width; or plain ones.
std::function<void(Bench&, AttentionLayer&)> head_norms(int q_width, int k_width, bool last = false) {
  return [=](Bench& bench, AttentionLayer& layer) {
    layer.q_norm = layer.k_norm = {.kind = Norm::Kind::kRms, .eps = 1e-6f};
    if (q_width > 0) layer.q_norm.weight = bench.random(1, q_width, 13);
    if (k_width > 0) layer.k_norm.weight = bench.random(1, k_width, 14);
    layer.norm_last = last;
  };
}

// `height` above the scores, which are about 1 at most.
std::function<void(Bench&, AttentionLayer&)> sinks(float height) {
  return [=](Bench& bench, AttentionLayer& layer) {
    std::vector<float> values = random_floats(static_cast<size_t>(layer.heads.q_heads), 17);
    for (float& v : values) v += height;
    layer.sinks = bench.floats(values, 1);
  };
}

// Norms of q and k of full width, by mean and variance.
std::function<void(Bench&, AttentionLayer&)> layer_norms() {
  return [](Bench& bench, AttentionLayer& layer) {
    const auto norm = [&](int width, int seed) {
      return Norm{.kind = Norm::Kind::kLayer,
                  .weight = bench.random(1, width, seed),
                  .bias = bench.random(1, width, seed + 10),
                  .eps = 1e-6f};
    };
    layer.q_norm = norm(layer.heads.q_width(), 13);
    layer.k_norm = norm(layer.heads.k_width(), 14);
  };
}

// Scores that fall with the distance, slower by each head.
std::function<void(Bench&, AttentionLayer&)> slopes(bool causal) {
  return [=](Bench& bench, AttentionLayer& layer) {
    std::vector<float> values(static_cast<size_t>(layer.heads.q_heads));
    for (size_t h = 0; h < values.size(); ++h) values[h] = 0.3f / static_cast<float>(h + 1);
    layer.slopes = bench.floats(values, 1);
    layer.causal = causal;
  };
}

std::function<void(Bench&, AttentionLayer&)> with(std::function<void(AttentionLayer&)> change) {
  return [=](Bench&, AttentionLayer& layer) { change(layer); };
}

// The switches of a layer, each by itself, and some together.
void add_switches(const std::function<void(AttentionCase)>& add) {
  add({.name = "head_norm", .more = head_norms(32, 32)});
  add({.name = "head_norm_odd", .heads = {3, 1, 10}, .more = head_norms(10, 10)});
  add({.name = "head_norm_plain", .more = head_norms(0, 0)});
  add({.name = "full_norm", .more = head_norms(128, 64)});
  add({.name = "full_norm_odd", .heads = {6, 3, 10}, .more = head_norms(60, 30)});
  add({.name = "head_norm_last", .rotary_dim = 12, .more = head_norms(32, 32, true)});
  add({.name = "full_norm_last", .more = head_norms(128, 64, true)});
  add({.name = "layer_norm", .more = layer_norms()});
  add({.name = "layer_norm_odd", .heads = {3, 1, 10}, .more = layer_norms()});
  add({.name = "clip", .more = with([](auto& l) { l.clip = 0.5f; })});
  add({.name = "no_rope", .more = with([](auto& l) { l.rope.cos_sin = {}; })});
  add({.name = "temperature",
       .sequences = {{0, 40}, {70, 3}},
       .more = with([](auto& l) { l.temperature = {.beta = 0.3f, .length = 8, .offset = 1}; })});
  add({.name = "narrow_values", .heads = {4, 2, 32, 20}});
  add({.name = "wide_values", .heads = {4, 2, 12, 40}, .sequences = {{0, 30}, {70, 1}}});
  add({.name = "value_norm", .heads = {4, 2, 32, 20}, .more = with([](auto& l) {
                                                        l.v_norm = {.kind = Norm::Kind::kRms, .eps = 1e-6f};
                                                      })});
  add({.name = "shared_kv", .more = with([](auto& l) { l.shares_kv = true; })});
  // Latent attention: one key for all heads, normalised, whose second part is the value.
  add({.name = "joined",
       .heads = {6, 1, 16, 40, true},
       .pairing = RopePairing::kNeighbours,
       .sequences = {{0, 30}, {70, 1}},
       .more = [](Bench& bench, AttentionLayer& layer) {
         layer.v_norm = {.kind = Norm::Kind::kRms, .weight = bench.random(1, 40, 13), .eps = 1e-6f};
         layer.temperature = {.beta = 0.3f, .length = 8, .offset = 0};
       }});
  add({.name = "joined_odd",
       .heads = {6, 3, 6, 5, true},
       .block_tokens = 3,
       .sequences = {{0, 30}, {70, 1}}});
}

// A token sees the tokens after it as well.
void add_both_ways(const std::function<void(AttentionCase)>& add) {
  const auto both_ways = with([](auto& l) { l.causal = false; });
  const auto add_case = [&](const std::string& name, int window,
                            std::vector<AttentionCase::Sequence> sequences) {
    add({.name = "both_ways" + name, .window = window, .sequences = std::move(sequences), .more = both_ways});
  };
  add_case("", 0, {{0, 7}, {0, 1}, {0, 70}});
  add_case("_long", 0, {{0, 600}, {0, 3}});
  add_case("_window", 16, {{0, 7}, {0, 1}, {0, 200}});
  add_case("_odd_window", 7, {{0, 130}, {0, 2}});
  add_case("_window_long", 128, {{0, 700}, {0, 64}, {0, 65}});
  add({.name = "both_ways_slopes", .sequences = {{0, 7}, {0, 1}, {0, 300}}, .more = slopes(false)});
  add({.name = "both_ways_slopes_window",
       .heads = {6, 2, 10},
       .window = 70,
       .sequences = {{0, 300}},
       .more = slopes(false)});
  add({.name = "both_ways_one_head",
       .heads = {1, 1, 20},
       .window = 70,
       .sequences = {{0, 300}},
       .more = both_ways});
}

// The same for attention by itself.
void attend_switches(const std::function<void(AttentionCase)>& attend) {
  const std::vector<AttentionCase::Sequence> sequences = {{30, 40}, {511, 2}, {99, 1}};
  for (const float cap : {0.3f, 20.0f})
    attend({.name = fmt::format("soft_cap{}", cap), .sequences = sequences, .more = with([=](auto& l) {
                                                                              l.scale = 1;
                                                                              l.soft_cap = cap;
                                                                            })});
  attend({.name = "soft_cap_window", .window = 33, .sequences = sequences, .more = with([](auto& l) {
                                                                             l.soft_cap = 1;
                                                                           })});
  for (const int first : {1, 37})
    for (const int window : {0, 20})
      attend({.name = fmt::format("first{}_window{}", first, window),
              .window = window,
              .sequences = {{0, 70}, {30, 40}, {511, 2}, {99, 1}},
              .more = with([=](auto& l) { l.first = first; })});
  for (const int chunk : {7, 64, 100, 600})
    attend({.name = fmt::format("chunks_of{}", chunk),
            .window = chunk,
            .sequences = {{0, 230}, {30, 40}, {599, 3}, {99, 1}, {1200, 1}},
            .more = with([](auto& l) { l.chunked = true; })});
  attend({.name = "chunks_heads_together",
          .heads = {12, 6, 16},
          .window = 700,
          .block_tokens = 6,
          .sequences = {{5000, 1}, {698, 4}},
          .more = with([](auto& l) {
            l.chunked = true;
            l.soft_cap = 2;
          })});
  for (const float height : {-300.0f, -2.0f, 5.0f, 20.0f})
    attend({.name = fmt::format("sinks{}", height), .sequences = sequences, .more = sinks(height)});
  attend({.name = "slopes", .sequences = sequences, .more = slopes(true)});
  attend({.name = "slopes_heads_together",
          .heads = {12, 6, 16},
          .sequences = {{5000, 1}, {40, 2}},
          .more = slopes(true)});
  attend(
      {.name = "slopes_of_many_heads", .heads = {130, 1, 8}, .sequences = sequences, .more = slopes(true)});
  attend({.name = "sinks_heads_together",
          .heads = {12, 6, 16},
          .window = 128,
          .sequences = {{5000, 1}, {40, 2}},
          .more = sinks(0)});
  attend(
      {.name = "value_scale", .sequences = sequences, .more = with([](auto& l) { l.value_scale = 0.6f; })});
  attend({.name = "shared_kv", .sequences = sequences, .more = with([](auto& l) { l.shares_kv = true; })});
  for (const HeadShape& heads :
       {HeadShape{4, 2, 96, 64}, {4, 2, 16, 48}, {6, 3, 10, 3}, {2, 1, 3, 70}, {16, 1, 192, 128}})
    attend({.name = fmt::format("values{}of{}", heads.value_dim, heads.head_dim),
            .heads = heads,
            .sequences = sequences,
            .more = sinks(1)});
  for (const HeadShape& heads : {HeadShape{20, 1, 64, 128, true},
                                 {3, 1, 16, 48, true},
                                 {130, 1, 8, 24, true},
                                 {4, 2, 10, 33, true},
                                 {6, 3, 3, 70, true}})
    attend({.name = fmt::format("joined{}of{}and{}", heads.q_heads, heads.head_dim, heads.value_dim),
            .heads = heads,
            .sequences = {{30, 8}, {511, 2}, {99, 1}},
            .more = with([](auto& l) { l.scale = 0.05f; })});
  attend({.name = "joined_switches",
          .heads = {5, 1, 12, 20, true},
          .window = 45,
          .block_tokens = 6,
          .sequences = sequences,
          .more = [](Bench& bench, AttentionLayer& layer) {
            sinks(1)(bench, layer);
            slopes(true)(bench, layer);
            layer.scale = 0.1f;
            layer.soft_cap = 2;
            layer.value_scale = 0.6f;
          }});
}

}  // namespace

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
  add_switches(add);
  add_both_ways(add);
  for (const DType kv : {DType::kF16, DType::kBF16, DType::kI8})
    add({.name = "narrow_values_" + std::string(name_of(kv)), .heads = {4, 2, 32, 20}, .kv = kv});
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
    attend_switches(attend);
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

}  // namespace ferrum::test
