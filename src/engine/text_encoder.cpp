#include "engine/text_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace ferrum {
namespace {

constexpr int kBlockTokens = 16;

int step_tokens(const TextEncoderOptions& o) { return std::max(o.step_tokens, o.longest_text); }

// A step with more texts than that has enough work for any machine.
int most_texts(const TextEncoderOptions& o) { return std::min(step_tokens(o), 512); }

int blocks_of(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

int all_blocks(const TextEncoderOptions& o) { return step_tokens(o) / kBlockTokens + most_texts(o); }

// Which rows of a text the pooling reads.
Outputs outputs_of(const ModelDescription& model) {
  const TextHeadDescription& head = model.text_head;
  if (head.pooling.size() != 1) return Outputs::kAll;
  if (head.pooling.front() == TextPooling::kLast) return Outputs::kLast;
  // A decoder reads out the last rows of a sequence.
  return head.pooling.front() == TextPooling::kFirst && model.encoder ? Outputs::kFirst : Outputs::kAll;
}

int most_outputs(const ModelDescription& model, const TextEncoderOptions& o) {
  return outputs_of(model) == Outputs::kAll ? step_tokens(o) : most_texts(o);
}

DecoderLimits model_limits(const ModelDescription& model, const TextEncoderOptions& o) {
  const KvSizes kv = {.blocks = all_blocks(o),
                      .block_tokens = kBlockTokens,
                      .dtype = DType::kF32,
                      .windows = {},
                      .shared = true};
  return {.max_tokens = step_tokens(o),
          .max_outputs = most_outputs(model, o),
          .max_positions = o.longest_text,
          .kv = kv,
          .state_slots = 2 * most_texts(o)};
}

StepBuilder::Limits builder_limits(const ModelDescription& model, const TextEncoderOptions& o) {
  return {.max_tokens = step_tokens(o),
          .max_sequences = most_texts(o),
          .max_outputs = most_outputs(model, o),
          .max_blocks = blocks_of(o.longest_text),
          .block_tokens = kBlockTokens,
          .has_states = state_bytes_of_slot(model) > 0,
          .has_types = model.encoder && model.encoder->types > 0};
}

std::shared_ptr<const Checkpoint> with_head(std::shared_ptr<const Checkpoint> checkpoint) {
  if (checkpoint->model().text_head.pooling.empty())
    fail(ErrorCode::kUnsupported,
         "{}: the model makes text, no embeddings and no scores: its files name no pooling and no classifier",
         checkpoint->model().name);
  return checkpoint;
}

}  // namespace

uint64_t text_encoder_bytes(const ModelDescription& model, const TextEncoderOptions& options) {
  const DecoderLimits limits = model_limits(model, options);
  const uint64_t of_model = model.encoder
                                ? Encoder::bytes(model, limits)
                                : Decoder::activation_bytes(model, limits) + Decoder::kv_bytes(model, limits);
  return of_model + rotation_bytes(model, options.longest_text) +
         StepBuilder::bytes(builder_limits(model, options));
}

TextEncoder::TextEncoder(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
                         const TextEncoderOptions& options, const LoadProgress& progress)
    : checkpoint_(with_head(std::move(checkpoint))),
      backend_(std::move(backend)),
      options_(options),
      model_(load_model(*backend_, *checkpoint_, model_limits(checkpoint_->model(), options), progress)),
      head_(*backend_, checkpoint_->model(), load_text_head(*backend_, *checkpoint_), most_texts(options)),
      builder_(*backend_, builder_limits(checkpoint_->model(), options)),
      starts_buffer_(backend_->allocate(static_cast<size_t>(most_texts(options) + 1) * sizeof(int32_t))) {
  for (int i = 0; i < all_blocks(options); ++i) blocks_.push_back(static_cast<BlockId>(i));
}

int TextEncoder::width() const { return checkpoint_->model().text_head.width(checkpoint_->model().hidden); }

std::span<const TextTokens> TextEncoder::next_step(std::span<const TextTokens> texts) const {
  size_t count = 0;
  int tokens = 0;
  while (count < texts.size() && static_cast<int>(count) < most_texts(options_)) {
    tokens += static_cast<int>(texts[count].tokens.size());
    if (tokens > step_tokens(options_)) break;
    ++count;
  }
  return texts.first(count);
}

std::vector<float> TextEncoder::compute(std::span<const TextTokens> texts) {
  const auto width = static_cast<size_t>(this->width());
  std::vector<float> results(texts.size() * width);
  for (size_t done = 0; done < texts.size();) {
    const std::span<const TextTokens> step = next_step(texts.subspan(done));
    check(!step.empty(), "a text fits a step");
    const std::span<float> part = std::span(results).subspan(done * width, step.size() * width);
    compute_step(step, part);
    for (size_t i = 0; i < step.size(); ++i)
      if (!std::ranges::all_of(part.subspan(i * width, width), [](float x) { return std::isfinite(x); }))
        fail(ErrorCode::kNotFinite, "{}: what the model computes of text {} is not finite",
             checkpoint_->model().name, done + i);
    done += step.size();
  }
  return results;
}

void TextEncoder::compute_step(std::span<const TextTokens> texts, std::span<float> results) {
  const Outputs outputs = outputs_of(checkpoint_->model());
  std::vector<Chunk> chunks;
  std::vector<int32_t> starts = {0};
  std::span<const BlockId> free = blocks_;
  for (const TextTokens& text : texts) {
    const auto blocks = static_cast<size_t>(blocks_of(static_cast<int>(text.tokens.size())));
    const int unpooled = text.unpooled;
    chunks.push_back({.tokens = text.tokens,
                      .blocks = free.first(blocks),
                      .outputs = outputs,
                      .first_output = unpooled,
                      .types = text.types});
    free = free.subspan(blocks);
    const int rows = outputs == Outputs::kAll ? static_cast<int>(text.tokens.size()) - unpooled : 1;
    starts.push_back(starts.back() + rows);
  }
  const Step& step = builder_.build(chunks);
  const Tensor starts_on_device = {starts_buffer_->data(), DType::kI32, static_cast<int>(starts.size()), 1,
                                   1};
  backend_->upload(starts_on_device, std::as_bytes(std::span(starts)));
  Tensor made;
  const auto body = [&] {
    model_->forward(step, {});
    made = head_.compute(model_->hidden_states(step.shape.outputs), starts_on_device);
  };
  backend_->run(step.shape, body);
  backend_->download(std::as_writable_bytes(results), made);
  if (!checkpoint_->intact())
    fail(ErrorCode::kBadFile, "{}: the model's file was cut while it was in use", checkpoint_->model().name);
}

std::vector<float> finished_embedding(std::span<const float> row, int dimensions, bool normalizes) {
  const size_t count = dimensions > 0 ? static_cast<size_t>(dimensions) : row.size();
  std::vector<float> result(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(count));
  if (!normalizes && count == row.size()) return result;
  double squares = 0;
  for (const float x : result) squares += static_cast<double>(x) * x;
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (float& x : result) x = static_cast<float>(x / length);
  return result;
}

}  // namespace ferrum
