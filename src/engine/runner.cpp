#include "engine/runner.h"

#include <functional>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

int blocks_for(int tokens, int block_tokens) {
  return tokens / block_tokens + (tokens % block_tokens > 0 ? 1 : 0);
}

int total_blocks(const RunnerOptions& o) {
  // Each sequence may leave its last block partly empty.
  return blocks_for(o.kv_tokens, o.block_tokens) + o.max_sequences - 1;
}

int state_slots(const RunnerOptions& o) {
  constexpr int kFew = 8;
  return o.state_slots > 0 ? o.state_slots : 2 * o.max_sequences + kFew;
}

DecoderLimits decoder_limits(const RunnerOptions& o, const KvSizes& kv) {
  return {.max_tokens = o.max_tokens,
          .max_outputs = o.max_outputs,
          .max_positions = o.max_context,
          .kv = kv,
          .state_slots = state_slots(o),
          .mtp_rows = o.mtp_rows,
          .adapters = o.adapters};
}

StepBuilder::Limits builder_limits(const RunnerOptions& o, int kv_groups, const ModelDescription& model) {
  return {.max_tokens = o.max_tokens,
          .max_sequences = o.max_sequences,
          .max_outputs = o.max_outputs,
          .max_blocks = blocks_for(o.max_context, o.block_tokens),
          .block_tokens = o.block_tokens,
          .kv_groups = kv_groups,
          .max_vectors = o.max_vectors,
          .hidden = model.hidden,
          .has_states = state_bytes_of_slot(model) > 0,
          .mtp_rows = model.mtp ? o.mtp_rows : 0,
          .kv_blocks = total_blocks(o),
          .has_adapters = o.adapters > 0,
          .top_k = model.experts() > 0 ? model.routing.top_k : 0,
          .placeholders = model.placeholders,
          .placeholder_row = model.placeholder_row};
}

// Others have no logits of next tokens.
const ModelDescription& made_for_text(const ModelDescription& model) {
  if (model.encoder || !model.causal || model.text_head.classifies)
    fail(ErrorCode::kUnsupported, "{}: the model makes {} of texts, no text: use `ferrum {}`", model.name,
         model.text_head.classifies ? "scores" : "embeddings",
         model.text_head.classifies ? "rerank" : "embed");
  return model;
}

// A sequence has a draw for each row of logits, and where it begins one for each choice of its request.
DrawStage::Limits draw_limits(const RunnerOptions& o, int vocab) {
  return {.draws = o.max_outputs + o.max_sequences * (kMaxChoices - 1), .vocab = vocab};
}

size_t upload_bytes(const RunnerOptions& o, int kv_groups, const ModelDescription& model) {
  return StepBuilder::upload_bytes(builder_limits(o, kv_groups, model)) +
         DrawStage::upload_bytes(draw_limits(o, model.vocab));
}

}  // namespace

KvSizes kv_sizes(const ModelDescription& model, const RunnerOptions& o) {
  KvSizes sizes = {.blocks = total_blocks(o), .block_tokens = o.block_tokens, .dtype = o.kv_dtype};
  if (o.behind_windows == RunnerOptions::BehindWindows::kGivenBack)
    sizes.windows = windows_of(
        model, {.context = o.max_context, .step_tokens = o.max_tokens, .sequences = o.max_sequences},
        sizes.blocks, o.block_tokens);
  return sizes;
}

RunnerMemory runner_memory(KvLayout layout, const ModelDescription& model, const RunnerOptions& options) {
  const KvSizes kv = kv_sizes(model, options);
  const DecoderLimits limits = decoder_limits(options, kv);
  const size_t logits = size_t{1} * options.max_outputs * model.vocab * sizeof(float);
  return {.kv = Decoder::kv_bytes(layout, model, limits),
          .activations = Decoder::activation_bytes(model, limits) +
                         rotation_bytes(model, options.max_context) + logits +
                         upload_bytes(options, kv.groups(), model) +
                         StepBuilder::bytes(builder_limits(options, kv.groups(), model)) +
                         DrawStage::bytes(draw_limits(options, model.vocab))};
}

Runner::Runner(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
               const RunnerOptions& options, const LoadProgress& progress)
    : Runner(backend, checkpoint, options, [&](const DecoderLimits& limits) {
        return load_model(*backend, *checkpoint, limits, progress);
      }) {}

Runner::Runner(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
               const RunnerOptions& options, const MakeModel& make)
    : checkpoint_(std::move(checkpoint)),
      backend_(std::move(backend)),
      options_(options),
      kv_(kv_sizes(made_for_text(checkpoint_->model()), options)),
      model_(make(decoder_limits(options, kv_))),
      arena_(*backend_),
      upload_(*backend_, arena_, upload_bytes(options, kv_.groups(), checkpoint_->model())),
      builder_(*backend_, upload_, builder_limits(options, kv_.groups(), checkpoint_->model())),
      logits_buffer_(backend_->allocate(static_cast<size_t>(options.max_outputs) * vocab() * sizeof(float))),
      logits_{logits_buffer_->data(), DType::kF32, options.max_outputs, vocab(), vocab()},
      draw_stage_(*backend_, upload_, draw_limits(options, vocab())) {}

// A token that is drawn on the device has to be its own row of the embeddings.
bool Runner::runs_ahead() const {
  return backend_->works_ahead() && checkpoint_->model().placeholders.empty();
}

void Runner::build(std::span<const Chunk> chunks, StepBuilder::Pass pass, const DrawList* draws) {
  step_ = &builder_.build(chunks, pass);
  if (draws != nullptr) draw_stage_.prepare(*draws);
  upload_.send();
}

void Runner::launch(std::span<const Chunk> chunks, const DrawList& draws) {
  build(chunks, StepBuilder::Pass::kModel, &draws);
  builder_.take_drawn(draw_stage_.tokens());
  launched_ = &draws;
  // A backend that computes at once would make the caller wait here for what it may do meanwhile.
  if (backend_->works_ahead()) issue();
}

DrawnTokens Runner::collect() {
  if (launched_) issue();
  const DrawnTokens drawn = draw_stage_.collect();
  require_whole_file();
  return drawn;
}

void Runner::issue() {
  const DrawList& draws = *std::exchange(launched_, nullptr);
  draw_stage_.issue(issue_forward().columns(0, draws.width()), draws);
}

Tensor Runner::issue_forward() {
  const Tensor logits = logits_.first_rows(step_->shape.outputs);
  run([&] { model_->forward(*step_, logits); });
  return logits;
}

std::span<const float> Runner::step(std::span<const Chunk> chunks) {
  build(chunks, StepBuilder::Pass::kModel, nullptr);
  return download(issue_forward());
}

std::span<const float> Runner::step_mtp(std::span<const Chunk> chunks) {
  build(chunks, StepBuilder::Pass::kMtp, nullptr);
  return download(issue_mtp());
}

Tensor Runner::issue_mtp() {
  const Tensor logits = logits_.first_rows(step_->shape.outputs);
  run([&] { model_->forward_mtp(*step_, logits); });
  return logits;
}

// What is recorded would hold the adapters that were in use then.
void Runner::run(FunctionRef<void()> forward) {
  if (step_->adapters.rows.empty())
    backend_->run(step_->shape, std::cref(forward));  // a copy would be allocated
  else
    forward();
}

DrawnTokens Runner::draft(std::span<const Chunk> chunks, const DrawList& draws) {
  build(chunks, StepBuilder::Pass::kMtp, &draws);
  draw_stage_.issue(issue_mtp().columns(0, draws.width()), draws);
  const DrawnTokens drawn = draw_stage_.collect();
  require_whole_file();
  return drawn;
}

std::span<const float> Runner::download(Tensor logits) {
  host_logits_.resize(static_cast<size_t>(logits.rows) * static_cast<size_t>(vocab()));
  backend_->download(std::as_writable_bytes(std::span(host_logits_)), logits);
  require_whole_file();
  return host_logits_;
}

void Runner::require_whole_file() const {
  if (!checkpoint_->intact())
    fail(ErrorCode::kBadFile, "{}: the model's file was cut while it was in use", checkpoint_->model().name);
}

void Runner::read_hidden(std::span<float> states) {
  const auto hidden = static_cast<size_t>(checkpoint_->model().hidden);
  const Tensor rows = model_->hidden_states(static_cast<int>(states.size() / hidden));
  backend_->download(std::as_writable_bytes(states), rows);
}

static_assert(kMaxKvGroups == PrefixCache::kMaxWindows + 1,
              "a group for each window or the states, and one for all positions");

PrefixCache::Options Runner::cache_options(PrefixCache::Reuse reuse) const {
  PrefixCache::Options cache = {.blocks = kv_.blocks, .block_tokens = kv_.block_tokens, .reuse = reuse};
  for (const KvWindow& window : kv_.windows) cache.windows.push_back({window.window, window.blocks});
  if (state_bytes_of_slot(checkpoint_->model()) > 0)
    cache.windows.push_back({WindowPages::kState, state_slots(options_)});
  return cache;
}

void Runner::copy_blocks(std::span<const BlockCopy> copies) {
  for (int group = 0; group < kv_.groups(); ++group) {
    std::vector<int32_t> from_to;
    for (const BlockCopy& copy : copies)
      if (copy.group == group)
        from_to.insert(from_to.end(), {static_cast<int32_t>(copy.from), static_cast<int32_t>(copy.to)});
    if (from_to.empty()) continue;
    const std::unique_ptr<Buffer> buffer = backend_->allocate(from_to.size() * sizeof(int32_t));
    const Tensor tensor = {buffer->data(), DType::kI32, static_cast<int>(from_to.size() / 2), 2, 2};
    backend_->upload(tensor, std::as_bytes(std::span(from_to)));
    model_->copy_blocks(group, tensor);
    backend_->synchronize();  // before the buffer goes
  }
}

}  // namespace ferrum
