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

Tensor StepBuilder::allocate_vectors(Arena& arena, const Limits& limits) {
  return limits.max_vectors == 0 ? Tensor() : arena.allocate(DType::kF32, limits.max_vectors, limits.hidden);
}

size_t StepBuilder::bytes(const Limits& limits) {
  CountingArena arena;
  allocate_vectors(arena, limits);
  return arena.bytes();
}

size_t StepBuilder::upload_bytes(const Limits& l) {
  const auto of = &StepUpload::of_words;
  const size_t of_group = of(l.max_tokens) + of(int64_t{l.max_sequences} * l.max_blocks);
  size_t bytes = static_cast<size_t>(l.kv_groups) * of_group;
  bytes += 2 * of(l.max_tokens);                               // tokens, positions
  bytes += 2 * of(l.max_sequences + 1) + of(l.max_sequences);  // query_start, output_start, context_len
  bytes += 2 * of(l.max_outputs);                              // output_rows, output_positions
  bytes += of(l.max_vectors) + of(l.max_sequences);            // vector_rows, draws
  if (l.has_types) bytes += of(l.max_tokens);
  if (l.has_states) bytes += of(int64_t{2} * l.max_sequences) + WaveBuilder::upload_bytes(l.max_outputs);
  if (l.mtp_rows > 0) bytes += CarryBuilder::upload_bytes(carry_limits(l));
  if (l.has_adapters) bytes += StepAdapterBuilder::upload_bytes(adapter_limits(l));
  return bytes;
}

StepBuilder::StepBuilder(Backend& backend, StepUpload& upload, const Limits& limits)
    : backend_(backend),
      upload_(upload),
      limits_(limits),
      arena_(backend),
      vectors_room_(allocate_vectors(arena_, limits)),
      kv_(static_cast<size_t>(limits.kv_groups)) {
  check(limits.kv_groups <= kMaxKvGroups, "as many groups of layers as a step has room for");
  chunk_draws_.reserve(limits.max_sequences);
  if (limits.has_states) waves_.emplace(upload, limits.max_outputs);
  if (limits.mtp_rows > 0) carry_.emplace(upload, carry_limits(limits));
  if (limits.has_adapters) adapters_.emplace(upload, adapter_limits(limits));
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
  // Sizes follow from the shape, up to the adapters: steps that are recorded have none.
  upload_.begin();
  step_ = {.shape = shape,
           .tokens = upload_.add(tokens_),
           .positions = upload_.add(positions_),
           .query_start = upload_.add(query_start_),
           .context_len = upload_.add(context_len_),
           .output_rows = upload_.add(output_rows_),
           .output_positions = upload_.add(output_positions_),
           .output_start = upload_.add(output_start_)};
  for (size_t g = 0; g < kv_.size(); ++g)
    step_.kv[g] = {upload_.add(kv_[g].slots), upload_.add(kv_[g].block_table, limits_.max_blocks)};
  if (limits_.has_types) step_.types = upload_.add(types_);
  if (shape.vectors > 0) {
    step_.vector_rows = upload_.add(vector_rows_);
    step_.vectors = vectors_room_.first_rows(shape.vectors);
    backend_.upload(step_.vectors, std::as_bytes(std::span(vectors_)));
  }
  if (limits_.has_states) {
    step_.state_slots = upload_.add(state_slots_, 2);
    if (pass == Pass::kModel) step_.waves = waves_->build(chunks, query_start_, state_slots_);
    step_.shape.waves = static_cast<int>(step_.waves.size());
  }
  if (carry_) carry_->finish(step_);
  if (adapters_) adapters_->build(chunks, step_);
  draws_ = add_draws(chunks) ? upload_.add(chunk_draws_) : Tensor();
  return step_;
}

bool StepBuilder::add_draws(std::span<const Chunk> chunks) {
  chunk_draws_.clear();
  if (chunks.empty() || chunks.front().drawn < 0) return false;
  for (const Chunk& chunk : chunks) {
    check(chunk.drawn >= 0 && chunk.tokens.size() == 1, "each chunk is one token of a draw");
    chunk_draws_.push_back(chunk.drawn);
  }
  return true;
}

void StepBuilder::take_drawn(Tensor drawn) {
  if (draws_.empty()) return;
  check(std::ranges::max(chunk_draws_) < drawn.rows, "the draws that chunks name are there");
  // Rows are moved as they are: as far as that goes, these numbers of 32 bits are activations.
  const auto moved = [](Tensor t) { return Tensor{t.data, DType::kF32, t.rows, t.cols, t.stride}; };
  backend_.gather_rows(moved(step_.tokens), moved(drawn), draws_);
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

}  // namespace ferrum
