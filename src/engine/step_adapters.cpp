#include "engine/step_adapters.h"

#include <algorithm>

namespace ferrum {

size_t StepAdapterBuilder::upload_bytes(const Limits& limits) {
  const auto of = [&](int64_t rows) {  // slots, scales, order; of experts: rows, and of pairs three more
    const size_t of_rows = 3 * StepUpload::of_words(rows);
    return limits.top_k == 0
               ? of_rows
               : of_rows + StepUpload::of_words(rows) + 3 * StepUpload::of_words(rows * limits.top_k);
  };
  return of(limits.tokens) + of(limits.outputs);
}

void StepAdapterBuilder::Rows::clear() {
  for (std::vector<int32_t>* v : {&slots, &order, &expert_rows, &pair_rows, &pair_slots}) v->clear();
  scales.clear();
  pair_scales.clear();
}

void StepAdapterBuilder::Rows::add(const AdapterUse& use, int top_k) {
  const auto row = static_cast<int32_t>(slots.size());
  slots.push_back(use.slot);
  scales.push_back(use.scale);
  if (use.slot < 0 || !use.changes_experts) return;
  expert_rows.push_back(row);
  pair_rows.insert(pair_rows.end(), static_cast<size_t>(top_k), row);
  pair_slots.insert(pair_slots.end(), static_cast<size_t>(top_k), use.slot);
  pair_scales.insert(pair_scales.end(), static_cast<size_t>(top_k), use.scale);
}

void StepAdapterBuilder::Rows::sort() {
  for (size_t first = 0; first < slots.size(); first += kAdapterBlock) {
    const size_t count = std::min(slots.size() - first, size_t{kAdapterBlock});
    for (size_t i = 0; i < count; ++i) order.push_back(static_cast<int32_t>(i));
    const auto begin = order.begin() + static_cast<ptrdiff_t>(first);
    std::sort(begin, order.end(), [&](int32_t a, int32_t b) {
      const int32_t of_a = slots[first + static_cast<size_t>(a)],
                    of_b = slots[first + static_cast<size_t>(b)];
      return of_a != of_b ? of_a < of_b : a < b;
    });
  }
}

void StepAdapterBuilder::build(std::span<const Chunk> chunks, Step& step) {
  step.adapters = step.output_adapters = {};
  if (std::ranges::none_of(chunks, [](const Chunk& chunk) { return chunk.adapter.slot >= 0; })) return;
  rows_.clear();
  output_rows_.clear();
  for (const Chunk& chunk : chunks) {
    const auto count = static_cast<int>(chunk.tokens.size());
    for (int i = 0; i < count; ++i) {
      rows_.add(chunk.adapter, limits_.top_k);
      if (chunk.gives(i)) output_rows_.add(chunk.adapter, limits_.top_k);
    }
  }
  rows_.sort();
  output_rows_.sort();
  step.adapters = upload(rows_);
  step.output_adapters = upload(output_rows_);
}

StepAdapters StepAdapterBuilder::upload(const Rows& rows) {
  const auto of = [&](const auto& values) { return values.empty() ? Tensor() : upload_.add(values); };
  return {.rows = {.slots = of(rows.slots), .scales = of(rows.scales), .matrix = {}, .order = of(rows.order)},
          .expert_rows = of(rows.expert_rows),
          .pair_rows = of(rows.pair_rows),
          .pairs = {.slots = of(rows.pair_slots), .scales = of(rows.pair_scales), .matrix = {}, .order = {}}};
}

}  // namespace ferrum
