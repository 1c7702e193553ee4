// Steps over a paged cache, made from what each sequence brings.
#pragma once
#include "operations.h"

namespace ferrum::test {

struct SequencePart {
  int past;                    // tokens that the cache holds already
  int now;                     // tokens of this step
  std::vector<int32_t> pages;  // as many for each sequence of a step
};

inline Step make_step(Bench& bench, int page_tokens, const std::vector<SequencePart>& parts) {
  std::vector<int32_t> positions, slots, table, context, query_start = {0};
  for (const SequencePart& part : parts) {
    for (int position = part.past; position < part.past + part.now; ++position) {
      positions.push_back(position);
      slots.push_back(part.pages.at(static_cast<size_t>(position / page_tokens)) * page_tokens +
                      position % page_tokens);
    }
    query_start.push_back(static_cast<int32_t>(positions.size()));
    context.push_back(part.past + part.now);
    table.insert(table.end(), part.pages.begin(), part.pages.end());
  }
  const int rows = static_cast<int>(positions.size());
  const int sequences = static_cast<int>(parts.size());
  const std::vector<int32_t> zeros(positions.size());
  Step step;
  step.shape = {rows, sequences, sequences};
  step.tokens = bench.integers(zeros, rows);
  step.positions = bench.integers(positions, rows);
  step.kv_slots = bench.integers(slots, rows);
  step.block_table = bench.integers(table, sequences);
  step.query_start = bench.integers(query_start, sequences + 1);
  step.context_len = bench.integers(context, sequences);
  step.output_rows = bench.integers(std::vector<int32_t>(parts.size(), 0), sequences);
  return step;
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
