// Steps over a KV cache of blocks, made from what each sequence brings.
#pragma once
#include <cmath>
#include <cstring>

#include "operations.h"

namespace ferrum::test {

struct SequencePart {
  int past;                     // tokens that the cache holds already
  int now;                      // tokens of this step
  std::vector<int32_t> blocks;  // as many for each sequence of a step
};

inline Step make_step(Bench& bench, int block_tokens, const std::vector<SequencePart>& parts) {
  std::vector<int32_t> positions, slots, table, context, query_start = {0};
  for (const SequencePart& part : parts) {
    for (int position = part.past; position < part.past + part.now; ++position) {
      positions.push_back(position);
      slots.push_back(part.blocks.at(static_cast<size_t>(position / block_tokens)) * block_tokens +
                      position % block_tokens);
    }
    query_start.push_back(static_cast<int32_t>(positions.size()));
    context.push_back(part.past + part.now);
    table.insert(table.end(), part.blocks.begin(), part.blocks.end());
  }
  const int rows = static_cast<int>(positions.size());
  const int sequences = static_cast<int>(parts.size());
  const std::vector<int32_t> zeros(positions.size());
  Step step;
  step.shape = {rows, sequences, sequences};
  step.tokens = bench.integers(zeros, rows);
  step.positions = bench.integers(positions, rows);
  step.kv[0].slots = bench.integers(slots, rows);
  step.kv[0].block_table = bench.integers(table, sequences);
  step.query_start = bench.integers(query_start, sequences + 1);
  step.context_len = bench.integers(context, sequences);
  step.output_rows = bench.integers(std::vector<int32_t>(parts.size(), 0), sequences);
  return step;
}

// Blocks of random keys and values.
inline KvLayer random_blocks(Bench& bench, DType dtype, int block_tokens, int blocks,
                             const HeadShape& heads) {
  const int rows = blocks * block_tokens;
  const auto cache = [&](int in_rows, int width, uint32_t seed) {
    const Tensor t = bench.tensor(dtype, in_rows, rows * width / in_rows);
    const std::vector<float> values =
        random_floats(static_cast<size_t>(rows) * static_cast<size_t>(width), seed);
    std::vector<std::byte> bytes(values.size() * size_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t half = dtype == DType::kF16 ? f16_from_float(values[i]) : bf16_from_float(values[i]);
      const auto byte = static_cast<int8_t>(std::clamp(values[i] * 40, -127.0f, 127.0f));
      if (dtype == DType::kF32) std::memcpy(bytes.data() + 4 * i, &values[i], 4);
      if (dtype == DType::kF16 || dtype == DType::kBF16) std::memcpy(bytes.data() + 2 * i, &half, 2);
      if (dtype == DType::kI8) std::memcpy(bytes.data() + i, &byte, 1);
    }
    bench.backend().upload(t, bytes);
    return t;
  };
  const auto scales = [&](uint32_t seed) {
    std::vector<float> values =
        random_floats(static_cast<size_t>(rows) * static_cast<size_t>(heads.kv_heads), seed);
    for (float& v : values) v = (1 + std::abs(v)) / 60;
    return bench.floats(values, rows);
  };
  KvLayer kv = {cache(blocks, heads.k_width(), 11), cache(rows, heads.v_width(), 12), block_tokens};
  kv.blocks = blocks;
  if (dtype == DType::kI8) kv.k_scales = scales(13), kv.v_scales = scales(14);
  return kv;
}

// Angles that depend on position and pair, for `positions` rows.
inline Tensor rotation_table(Bench& bench, int positions, int rotary_dim) {
  std::vector<float> cos_sin;
  for (int p = 0; p < positions; ++p) {
    for (int i = 0; i < rotary_dim / 2; ++i)
      cos_sin.push_back(std::cos(static_cast<float>(p * (i + 1)) * 0.1f));
    for (int i = 0; i < rotary_dim / 2; ++i)
      cos_sin.push_back(std::sin(static_cast<float>(p * (i + 1)) * 0.1f));
  }
  return bench.floats(cos_sin, positions);
}

}  // namespace ferrum::test
