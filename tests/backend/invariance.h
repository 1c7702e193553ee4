// Whether a row's result has the same bits whatever else is in its batch, on any backend.
#pragma once
#include <gtest/gtest.h>

#include <numeric>

#include "block_step.h"

namespace ferrum::test {

// Rows [first, first + count) of a tensor that begins each row at `data`.
inline Tensor rows_of(Tensor t, int first, int count) {
  return {t.address(first, 0), t.dtype, count, t.cols, t.stride};
}

inline std::vector<float> values_of(Backend& backend, Tensor t) {
  std::vector<float> values(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
  backend.download(std::as_writable_bytes(std::span(values)), t);
  return values;
}

// Runs `operation(out rows, x rows, first row)` on all rows at once and in pieces, and compares the bits.
template <class Operation>
void expect_same_in_pieces(Backend& backend, Tensor x, int out_cols, const Operation& operation,
                           const std::string& what) {
  Bench bench(backend);
  const Tensor whole = bench.tensor(DType::kF32, x.rows, out_cols);
  operation(whole, x, 0);
  const std::vector<float> expected = values_of(backend, whole);
  for (const int piece : {1, 2, 3, 5, 16}) {
    const Tensor out = bench.tensor(DType::kF32, x.rows, out_cols);
    for (int first = 0; first < x.rows; first += piece) {
      const int count = std::min(piece, x.rows - first);
      operation(rows_of(out, first, count), rows_of(x, first, count), first);
    }
    EXPECT_EQ(values_of(backend, out), expected)
        << what << " in pieces of " << piece << " on " << backend.name();
  }
}

// Rows of an expansion, of its two steps, and of experts with this activation.
inline void expect_rows_of_activation(Backend& backend, Bench& bench, const NamedActivation& a,
                                      bool with_experts) {
  const int width = 37;
  const int rows = a.activation.gated ? 2 * width : width;
  const RandomWeight up(1, 64, {{Format::kQ8_0, rows}}, true, 1);
  const RandomWeight expert_up(4, 64, {{Format::kBF16, rows}}, true, 2);
  const RandomWeight expert_down(4, width, {{Format::kBF16, 64}}, true, 3);
  const Weight& up_w = bench.weight(up);
  const Weight& expert_up_w = bench.weight(expert_up);
  const Weight& expert_down_w = bench.weight(expert_down);
  const Tensor x = bench.random(23, 64, 3);
  const Routing routing = {bench.tensor(DType::kI32, 23, 2), bench.tensor(DType::kF32, 23, 2)};
  backend.route(routing, bench.random(23, 4, 4), {.top_k = 2});
  expect_same_in_pieces(
      backend, x, width, [&](Tensor out, Tensor in, int) { backend.expand(out, in, up_w, a.activation); },
      "expand " + a.name);
  // A row without an adapter must not depend on whether another row of its step has one.
  const Tensor product = bench.tensor(DType::kF32, 23, rows);
  const Tensor together = bench.tensor(DType::kF32, 23, width), apart = bench.tensor(DType::kF32, 23, width);
  backend.expand(together, x, up_w, a.activation);
  backend.linear(product, x, up_w);
  backend.activate(apart, product, a.activation);
  EXPECT_EQ(values_of(backend, apart), values_of(backend, together)) << "expand in two steps " << a.name;
  if (!with_experts) return;
  expect_same_in_pieces(
      backend, x, 64,
      [&](Tensor out, Tensor in, int first) {
        const Routing part = {rows_of(routing.expert_ids, first, in.rows),
                              rows_of(routing.weights, first, in.rows)};
        backend.experts(out, in, part, expert_up_w, expert_down_w, a.activation);
      },
      "experts " + a.name);
}

struct AttentionSetting {
  HeadShape heads;
  int window;
  int block_tokens;
  DType kv;
  std::function<void(Bench&, AttentionLayer&)> more = nullptr;  // what the layer has beside that
};

// What attention gives for each token of one sequence of `length` tokens, when its steps have these sizes,
// beside `neighbours` other sequences, with the sequence's blocks lying in memory as `blocks` says.
inline std::vector<float> attend_in_chunks(Backend& backend, const AttentionSetting& setting,
                                           const std::vector<int>& chunks, int neighbours,
                                           const std::vector<int32_t>& blocks) {
  Bench bench(backend);
  const HeadShape& heads = setting.heads;
  const int length = std::accumulate(chunks.begin(), chunks.end(), 0);
  const int total_blocks = static_cast<int>(blocks.size()) + neighbours;
  const int slots = total_blocks * setting.block_tokens;
  KvLayer kv = {bench.tensor(setting.kv, total_blocks, setting.block_tokens * heads.k_width()),
                bench.tensor(setting.kv, slots, heads.v_width()), setting.block_tokens};
  if (setting.kv == DType::kI8)
    for (Tensor* scales : {&kv.k_scales, &kv.v_scales})
      *scales = bench.tensor(DType::kF32, slots, heads.kv_heads);
  for (const Tensor& t :
       {kv.k, kv.v, kv.k_scales, kv.v_scales})  // neighbours read slots that none has written
    if (!t.empty()) backend.upload(t, std::vector<std::byte>(t.bytes()));
  AttentionLayer layer;
  layer.heads = heads;
  layer.rope = {rotation_table(bench, static_cast<int>(blocks.size()) * setting.block_tokens, heads.head_dim),
                RopePairing::kHalves};
  layer.scale = 0.2f;
  layer.window = setting.window;
  if (setting.more) setting.more(bench, layer);
  const std::vector<float> inputs =
      random_floats(static_cast<size_t>(length) * static_cast<size_t>(heads.qkv_width()), 5);

  std::vector<float> all;
  int past = 0;
  for (const int now : chunks) {
    std::vector<SequencePart> parts;
    for (int n = 0; n < neighbours; ++n) {  // each decodes one token, on a block of its own
      const auto block = static_cast<int32_t>(total_blocks - 1 - n);
      parts.push_back({past % setting.block_tokens, 1, std::vector<int32_t>(blocks.size(), block)});
    }
    parts.push_back({past, now, blocks});
    const Step step = make_step(bench, setting.block_tokens, parts);
    std::vector<float> rows =
        random_floats(static_cast<size_t>(neighbours) * static_cast<size_t>(heads.qkv_width()), 6);
    const auto first = inputs.begin() + static_cast<std::ptrdiff_t>(past) * heads.qkv_width();
    rows.insert(rows.end(), first, first + static_cast<std::ptrdiff_t>(now) * heads.qkv_width());
    const Tensor qkv = bench.floats(rows, neighbours + now);
    const Tensor out = bench.tensor(DType::kF32, neighbours + now, heads.out_width());
    backend.rope_and_store(qkv, kv, step, layer);
    backend.attend(out, qkv, kv, step, layer);
    const std::vector<float> own = values_of(backend, rows_of(out, neighbours, now));
    all.insert(all.end(), own.begin(), own.end());
    past += now;
  }
  return all;
}

inline void soft_cap(Bench&, AttentionLayer& layer) { layer.soft_cap = 0.7f; }

inline void chunks(Bench&, AttentionLayer& layer) { layer.chunked = true; }

// Everything that a layer may have at once.
inline void all_switches(Bench& bench, AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  layer.clip = 1.5f;
  layer.q_norm = {.kind = Norm::Kind::kRms, .weight = bench.random(1, heads.q_width(), 13), .eps = 1e-6f};
  layer.k_norm = {.kind = Norm::Kind::kRms, .weight = bench.random(1, heads.head_dim, 14), .eps = 1e-6f};
  layer.norm_last = true;
  layer.temperature = {.beta = 0.4f, .length = 10, .offset = 1};
  layer.soft_cap = 3;
  layer.sinks = bench.random(1, heads.q_heads, 15);
  layer.value_scale = 0.6f;
}

// And scores that fall with the distance.
inline void switches_and_slopes(Bench& bench, AttentionLayer& layer) {
  all_switches(bench, layer);
  layer.slopes = bench.random(1, layer.heads.q_heads, 16);
}

}  // namespace ferrum::test
