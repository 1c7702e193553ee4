#include "engine/step_builder.h"

#include <algorithm>

#include "base/check.h"
#include "models/mtp_head.h"

namespace ferrum {

Step StepBuilder::allocate(Arena& arena, const Limits& limits) {
  const auto integers = [&](int rows, int cols) { return arena.allocate(DType::kI32, rows, cols); };
  Step step;
  step.tokens = integers(limits.max_tokens, 1);
  step.positions = integers(limits.max_tokens, 1);
  for (int g = 0; g < limits.kv_groups; ++g)
    step.kv[static_cast<size_t>(g)] = {integers(limits.max_tokens, 1),
                                       integers(limits.max_sequences, limits.max_blocks)};
  step.query_start = integers(limits.max_sequences + 1, 1);
  step.context_len = integers(limits.max_sequences, 1);
  step.output_rows = integers(limits.max_outputs, 1);
  step.output_positions = integers(limits.max_outputs, 1);
  step.output_start = integers(limits.max_sequences + 1, 1);
  if (limits.has_states) step.state_slots = integers(limits.max_sequences, 2);
  if (limits.mtp_rows > 0)
    for (Tensor* t : {&step.carry.rows, &step.carry.from, &step.carry.kept_rows, &step.carry.kept_slots})
      *t = integers(limits.max_tokens, 1);
  if (limits.max_vectors > 0) {
    step.vector_rows = integers(limits.max_vectors, 1);
    step.vectors = arena.allocate(DType::kF32, limits.max_vectors, limits.hidden);
  }
  return step;
}

// A wave has a row or more, and one beginning more than it has sequences.
StepWave StepBuilder::allocate_waves(Arena& arena, const Limits& limits) {
  StepWave waves;
  if (!limits.has_states) return waves;
  waves.rows = arena.allocate(DType::kI32, limits.max_outputs, 1);
  waves.query_start = arena.allocate(DType::kI32, int64_t{2} * limits.max_outputs, 1);
  waves.state_slots = arena.allocate(DType::kI32, limits.max_outputs, 2);
  return waves;
}

size_t StepBuilder::bytes(const Limits& limits) {
  CountingArena arena;
  allocate(arena, limits);
  allocate_waves(arena, limits);
  return arena.bytes();
}

StepBuilder::StepBuilder(Backend& backend, const Limits& limits)
    : backend_(backend), limits_(limits), arena_(backend), kv_(static_cast<size_t>(limits.kv_groups)) {
  check(limits.kv_groups <= kMaxKvGroups, "as many groups of layers as a step has room for");
  full_ = allocate(arena_, limits);
  full_waves_ = allocate_waves(arena_, limits);
  for (std::vector<int32_t>* v : {&tokens_, &positions_}) v->reserve(limits.max_tokens);
  for (HostIndex& index : kv_) {
    index.slots.reserve(limits.max_tokens);
    index.block_table.reserve(static_cast<size_t>(limits.max_sequences) * limits.max_blocks);
  }
  for (std::vector<int32_t>* v : {&query_start_, &output_start_}) v->reserve(limits.max_sequences + 1);
  context_len_.reserve(limits.max_sequences);
  for (std::vector<int32_t>* v : {&output_rows_, &output_positions_}) v->reserve(limits.max_outputs);
}

const Step& StepBuilder::build(std::span<const Chunk> chunks, Pass pass) {
  for (std::vector<int32_t>* v :
       {&tokens_, &positions_, &query_start_, &context_len_, &output_rows_, &output_positions_,
        &output_start_, &vector_rows_, &state_slots_, &carry_rows_, &carry_from_, &kept_rows_, &kept_slots_,
        &wave_rows_, &wave_start_, &wave_slots_})
    v->clear();
  waves_.clear();
  for (HostIndex& index : kv_) index.slots.clear(), index.block_table.clear();
  vectors_.clear();

  query_start_.push_back(0);
  output_start_.push_back(0);
  for (const Chunk& chunk : chunks) {
    const auto count = static_cast<int>(chunk.tokens.size());
    for (int i = 0; i < count; ++i) {
      const TokenId token = chunk.tokens[static_cast<size_t>(i)];
      if (chunk.outputs == Outputs::kAll || (chunk.outputs == Outputs::kLast && i == count - 1)) {
        output_rows_.push_back(static_cast<int32_t>(tokens_.size()));
        output_positions_.push_back(chunk.position + i);
      }
      if (token == kVectorRow) add_vector(chunk, chunk.position + i);
      tokens_.push_back(token == kVectorRow ? 0 : token);
      positions_.push_back(chunk.position + i);
    }
    index_chunk(chunk);
    if (limits_.mtp_rows > 0) carry_chunk(chunk, query_start_.back(), pass);
    const int place = static_cast<int>(&chunk - chunks.data());
    const StateSlots states = chunk.states.value_or(StateSlots{chunk.position == 0 ? -1 : place, place});
    state_slots_.insert(state_slots_.end(), {states.from, states.to});
    query_start_.push_back(static_cast<int32_t>(tokens_.size()));
    output_start_.push_back(static_cast<int32_t>(output_rows_.size()));
    context_len_.push_back(chunk.position + count);
  }
  check(static_cast<int>(tokens_.size()) <= limits_.max_tokens &&
            static_cast<int>(chunks.size()) <= limits_.max_sequences &&
            static_cast<int>(output_rows_.size()) <= limits_.max_outputs &&
            static_cast<int>(vector_rows_.size()) <= limits_.max_vectors,
        "a step keeps its limits");

  const StepShape shape = {.tokens = static_cast<int>(tokens_.size()),
                           .sequences = static_cast<int>(chunks.size()),
                           .outputs = static_cast<int>(output_rows_.size()),
                           .vectors = static_cast<int>(vector_rows_.size()),
                           .carried = static_cast<int>(carry_rows_.size()),
                           .kept = static_cast<int>(kept_rows_.size())};
  step_ = {.shape = shape,
           .tokens = full_.tokens.first_rows(shape.tokens),
           .positions = full_.positions.first_rows(shape.tokens),
           .query_start = full_.query_start.first_rows(shape.sequences + 1),
           .context_len = full_.context_len.first_rows(shape.sequences),
           .output_rows = full_.output_rows.first_rows(shape.outputs),
           .output_positions = full_.output_positions.first_rows(shape.outputs),
           .output_start = full_.output_start.first_rows(shape.sequences + 1)};
  for (size_t g = 0; g < kv_.size(); ++g) {
    step_.kv[g] = {full_.kv[g].slots.first_rows(shape.tokens),
                   full_.kv[g].block_table.first_rows(shape.sequences)};
    upload(step_.kv[g].slots, kv_[g].slots);
    upload(step_.kv[g].block_table, kv_[g].block_table);
  }
  if (limits_.has_states) {
    step_.state_slots = full_.state_slots.first_rows(shape.sequences);
    upload(step_.state_slots, state_slots_);
    if (pass == Pass::kModel) build_waves(chunks);
  }
  if (limits_.mtp_rows > 0) {
    step_.carry = {full_.carry.rows.first_rows(shape.carried), full_.carry.from.first_rows(shape.carried),
                   full_.carry.kept_rows.first_rows(shape.kept),
                   full_.carry.kept_slots.first_rows(shape.kept)};
    upload(step_.carry.rows, carry_rows_);
    upload(step_.carry.from, carry_from_);
    upload(step_.carry.kept_rows, kept_rows_);
    upload(step_.carry.kept_slots, kept_slots_);
  }
  upload(step_.tokens, tokens_);
  upload(step_.positions, positions_);
  upload(step_.query_start, query_start_);
  upload(step_.context_len, context_len_);
  upload(step_.output_rows, output_rows_);
  upload(step_.output_positions, output_positions_);
  upload(step_.output_start, output_start_);
  if (shape.vectors > 0) {
    step_.vector_rows = full_.vector_rows.first_rows(shape.vectors);
    step_.vectors = full_.vectors.first_rows(shape.vectors);
    upload(step_.vector_rows, vector_rows_);
    backend_.upload(step_.vectors, std::as_bytes(std::span(vectors_)));
  }
  return step_;
}

void StepBuilder::build_waves(std::span<const Chunk> chunks) {
  size_t count = 0;
  for (const Chunk& chunk : chunks) count = std::max(count, chunk.row_states.size());
  if (count < 2) return;
  check(step_.shape.tokens <= limits_.max_outputs, "nothing but drafts and single tokens goes in waves");
  for (size_t wave = 0; wave < count; ++wave) {
    const size_t first_row = wave_rows_.size(), first_start = wave_start_.size(),
                 first_slot = wave_slots_.size() / 2;
    for (size_t c = 0; c < chunks.size(); ++c) {
      const std::span<const BlockId> states = chunks[c].row_states;
      const bool keeps = states.size() > 1;
      if (wave >= (keeps ? states.size() : 1)) continue;
      wave_start_.push_back(static_cast<int32_t>(wave_rows_.size() - first_row));
      const int begin = query_start_[c] + static_cast<int>(wave);
      for (int row = begin; row < (keeps ? begin + 1 : query_start_[c + 1]); ++row) wave_rows_.push_back(row);
      const int32_t from = wave == 0 ? state_slots_[2 * c] : static_cast<int32_t>(states[wave - 1]);
      const int32_t to = keeps ? static_cast<int32_t>(states[wave]) : state_slots_[2 * c + 1];
      wave_slots_.insert(wave_slots_.end(), {from, to});
    }
    wave_start_.push_back(static_cast<int32_t>(wave_rows_.size() - first_row));
    const auto part = [](const Tensor& all, size_t first, size_t end) {
      return all.rows_at(static_cast<int>(first), static_cast<int>(end - first));
    };
    const size_t slots = wave_slots_.size() / 2;
    waves_.push_back({.tokens = static_cast<int>(wave_rows_.size() - first_row),
                      .sequences = static_cast<int>(slots - first_slot),
                      .rows = part(full_waves_.rows, first_row, wave_rows_.size()),
                      .query_start = part(full_waves_.query_start, first_start, wave_start_.size()),
                      .state_slots = part(full_waves_.state_slots, first_slot, slots)});
  }
  upload(full_waves_.rows.first_rows(static_cast<int>(wave_rows_.size())), wave_rows_);
  upload(full_waves_.query_start.first_rows(static_cast<int>(wave_start_.size())), wave_start_);
  upload(full_waves_.state_slots.first_rows(static_cast<int>(wave_slots_.size() / 2)), wave_slots_);
  step_.waves = waves_;
  step_.shape.waves = static_cast<int>(count);
}

void StepBuilder::carry_chunk(const Chunk& chunk, int row, Pass pass) {
  const int size = limits_.block_tokens;
  const int end = chunk.position + static_cast<int>(chunk.tokens.size());
  const auto slot = [&](int position) {
    if (position < 0) return limits_.kv_blocks * limits_.mtp_rows;
    return mtp_slot(static_cast<int>(chunk.blocks[static_cast<size_t>(position / size)]), position % size,
                    limits_.mtp_rows);
  };
  for (int position = chunk.position; position < end; ++position, ++row) {
    if (pass == Pass::kMtp || position == chunk.position) {
      carry_rows_.push_back(row);
      carry_from_.push_back(slot(position - 1));
    }
    // Of what a chunk writes to a block, the last positions.
    const int written = pass == Pass::kMtp ? end : std::min(end, (position / size + 1) * size);
    if (position < written - (pass == Pass::kMtp ? 1 : limits_.mtp_rows)) continue;
    kept_rows_.push_back(row);
    kept_slots_.push_back(slot(position));
  }
}

void StepBuilder::add_vector(const Chunk& chunk, int position) {
  check(chunk.vectors != nullptr, "a sequence with rows that are vectors has them");
  const std::vector<int>& positions = chunk.vectors->positions;
  const auto at = std::ranges::lower_bound(positions, position);
  check(at != positions.end() && *at == position, "the vector of a position is there");
  const auto hidden = static_cast<size_t>(limits_.hidden);
  const std::span<const float> vector =
      std::span(chunk.vectors->values).subspan(static_cast<size_t>(at - positions.begin()) * hidden, hidden);
  vector_rows_.push_back(static_cast<int32_t>(tokens_.size()));
  vectors_.insert(vectors_.end(), vector.begin(), vector.end());
}

void StepBuilder::index_chunk(const Chunk& chunk) {
  const auto count = static_cast<int>(chunk.tokens.size());
  const auto of_group = [&](size_t g) {
    return g == 0 || chunk.pages.empty() ? chunk.blocks : std::span<const BlockId>(chunk.pages[g - 1]);
  };
  for (size_t g = 0; g < kv_.size(); ++g) {
    const std::span<const BlockId> blocks = of_group(g);
    check(chunk.position + count <= static_cast<int>(blocks.size()) * limits_.block_tokens,
          "a chunk's tokens have blocks");
    check(static_cast<int>(blocks.size()) <= limits_.max_blocks, "a sequence's blocks fit the table");
    for (int position = chunk.position; position < chunk.position + count; ++position)
      kv_[g].slots.push_back(
          static_cast<int32_t>(blocks[static_cast<size_t>(position / limits_.block_tokens)]) *
              limits_.block_tokens +
          position % limits_.block_tokens);
    std::vector<int32_t>& table = kv_[g].block_table;
    for (const BlockId block : blocks) table.push_back(static_cast<int32_t>(block));
    table.resize(table.size() + static_cast<size_t>(limits_.max_blocks) - blocks.size(), -1);
  }
}

void StepBuilder::upload(Tensor dst, const std::vector<int32_t>& values) {
  backend_.upload(dst, std::as_bytes(std::span(values)));
}

}  // namespace ferrum
