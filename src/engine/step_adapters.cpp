#include "engine/step_adapters.h"

#include <algorithm>

namespace ferrum {

StepAdapters StepAdapterBuilder::allocate(Arena& arena, int rows, int top_k) {
  const auto of = [&](int64_t count) {
    return AdapterRows{.slots = arena.allocate(DType::kI32, count, 1),
                       .scales = arena.allocate(DType::kF32, count, 1),
                       .matrix = {},
                       .order = {}};
  };
  StepAdapters room = {.rows = of(rows), .expert_rows = {}, .pair_rows = {}, .pairs = {}};
  room.rows.order = arena.allocate(DType::kI32, rows, 1);
  if (top_k == 0) return room;
  room.expert_rows = arena.allocate(DType::kI32, rows, 1);
  room.pair_rows = arena.allocate(DType::kI32, int64_t{1} * rows * top_k, 1);
  room.pairs = of(int64_t{1} * rows * top_k);
  return room;
}

StepAdapterBuilder::StepAdapterBuilder(Backend& backend, Arena& arena, const Limits& limits)
    : backend_(backend),
      limits_(limits),
      room_(allocate(arena, limits.tokens, limits.top_k)),
      output_room_(allocate(arena, limits.outputs, limits.top_k)) {}

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
  step.adapters = upload(room_, rows_);
  step.output_adapters = upload(output_room_, output_rows_);
}

StepAdapters StepAdapterBuilder::upload(const StepAdapters& room, const Rows& rows) {
  const auto of = [&](const Tensor& all, const auto& values) {
    if (values.empty()) return Tensor();
    const Tensor to = all.first_rows(static_cast<int>(values.size()));
    backend_.upload(to, std::as_bytes(std::span(values)));
    return to;
  };
  return {.rows = {.slots = of(room.rows.slots, rows.slots),
                   .scales = of(room.rows.scales, rows.scales),
                   .matrix = {},
                   .order = of(room.rows.order, rows.order)},
          .expert_rows = of(room.expert_rows, rows.expert_rows),
          .pair_rows = of(room.pair_rows, rows.pair_rows),
          .pairs = {.slots = of(room.pairs.slots, rows.pair_slots),
                    .scales = of(room.pairs.scales, rows.pair_scales),
                    .matrix = {},
                    .order = {}}};
}

}  // namespace ferrum
