#include "engine/step_builder.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {
namespace {

CarryBuilder::Limits carry_limits(const StepBuilder::Limits& limits) {
  return {.tokens = limits.max_tokens,
          .block_tokens = limits.block_tokens,
          .kv_blocks = limits.kv_blocks,
          .kept = limits.mtp_rows};
}

StepAdapterBuilder::Limits adapter_limits(const StepBuilder::Limits& limits) {
  return {.tokens = limits.max_tokens, .outputs = limits.max_outputs, .top_k = limits.top_k};
}

}  // namespace

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
  if (limits.has_types) step.types = integers(limits.max_tokens, 1);
  if (limits.has_states) step.state_slots = integers(limits.max_sequences, 2);
  if (limits.max_vectors > 0) {
    step.vector_rows = integers(limits.max_vectors, 1);
    step.vectors = arena.allocate(DType::kF32, limits.max_vectors, limits.hidden);
  }
  return step;
}

Tensor StepBuilder::allocate_draws(Arena& arena, const Limits& limits) {
  return arena.allocate(DType::kI32, limits.max_sequences, 1);
}

size_t StepBuilder::bytes(const Limits& limits) {
  CountingArena arena;
  allocate(arena, limits);
  allocate_draws(arena, limits);
  if (limits.has_states) WaveBuilder::allocate(arena, limits.max_outputs);
  if (limits.mtp_rows > 0) CarryBuilder::allocate(arena, carry_limits(limits));
  if (limits.has_adapters)
    for (const int rows : {limits.max_tokens, limits.max_outputs})
      StepAdapterBuilder::allocate(arena, rows, limits.top_k);
  return arena.bytes();
}

StepBuilder::StepBuilder(Backend& backend, const Limits& limits)
    : backend_(backend), limits_(limits), arena_(backend), kv_(static_cast<size_t>(limits.kv_groups)) {
  check(limits.kv_groups <= kMaxKvGroups, "as many groups of layers as a step has room for");
  full_ = allocate(arena_, limits);
  draws_ = allocate_draws(arena_, limits);
  chunk_draws_.reserve(limits.max_sequences);
  if (limits.has_states) waves_.emplace(backend, arena_, limits.max_outputs);
  if (limits.mtp_rows > 0) carry_.emplace(backend, arena_, carry_limits(limits));
  if (limits.has_adapters) adapters_.emplace(backend, arena_, adapter_limits(limits));
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
  for (std::vector<int32_t>* v : {&tokens_, &positions_, &query_start_, &context_len_, &output_rows_,
                                  &output_positions_, &output_start_, &vector_rows_, &state_slots_, &types_})
    v->clear();
  if (carry_) carry_->begin(pass);
  for (HostIndex& index : kv_) index.slots.clear(), index.block_table.clear();
  vectors_.clear();

  query_start_.push_back(0);
  output_start_.push_back(0);
  for (const Chunk& chunk : chunks) {
    const auto count = static_cast<int>(chunk.tokens.size());
    for (int i = 0; i < count; ++i) {
      const TokenId token = chunk.tokens[static_cast<size_t>(i)];
      if (chunk.gives(i)) {
        output_rows_.push_back(static_cast<int32_t>(tokens_.size()));
        output_positions_.push_back(chunk.position + i);
      }
      if (limits_.has_types) types_.push_back(chunk.types.empty() ? 0 : chunk.types[static_cast<size_t>(i)]);
      if (token == kVectorRow) add_vector(chunk, chunk.position + i);
      tokens_.push_back(token == kVectorRow ? 0 : row_of(token));
      positions_.push_back(chunk.position + i);
    }
    index_chunk(chunk);
    if (carry_) carry_->add(chunk, query_start_.back());
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
                           .vectors = static_cast<int>(vector_rows_.size())};
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
    if (pass == Pass::kModel) step_.waves = waves_->build(chunks, query_start_, state_slots_);
    step_.shape.waves = static_cast<int>(step_.waves.size());
  }
  if (limits_.has_types) {
    step_.types = full_.types.first_rows(shape.tokens);
    upload(step_.types, types_);
  }
  if (carry_) carry_->finish(step_);
  if (adapters_) adapters_->build(chunks, step_);
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

void StepBuilder::take_drawn(std::span<const Chunk> chunks, Tensor drawn) {
  chunk_draws_.clear();
  for (const Chunk& chunk : chunks) {
    check(chunk.drawn >= 0 && chunk.drawn < drawn.rows && chunk.tokens.size() == 1,
          "each chunk is one token of a draw");
    chunk_draws_.push_back(chunk.drawn);
  }
  const Tensor rows = draws_.first_rows(static_cast<int>(chunk_draws_.size()));
  upload(rows, chunk_draws_);
  // Rows are moved as they are: as far as that goes, these numbers of 32 bits are activations.
  const auto moved = [](Tensor t) { return Tensor{t.data, DType::kF32, t.rows, t.cols, t.stride}; };
  backend_.gather_rows(moved(step_.tokens), moved(drawn), rows);
}

int32_t StepBuilder::row_of(TokenId token) const {
  return std::ranges::find(limits_.placeholders, token) == limits_.placeholders.end()
             ? token
             : limits_.placeholder_row;
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
