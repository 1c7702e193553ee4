#include "engine/text_encoder.h"

#include <algorithm>
#include <cmath>
#include <string>
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
  return o.gives_states || outputs_of(model) == Outputs::kAll ? step_tokens(o) : most_texts(o);
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

// With where each text begins among the rows.
size_t upload_bytes(const ModelDescription& model, const TextEncoderOptions& o) {
  return StepBuilder::upload_bytes(builder_limits(model, o)) + StepUpload::of_words(most_texts(o) + 1);
}

// Error kUnsupported for a model that makes nothing of a text as a whole.
ModelDescription described(const ModelDescription& model, const TextEncoderOptions& options) {
  ModelDescription described = model;
  TextHeadDescription& head = described.text_head;
  if (options.pooling) {
    if (head.classifies)
      fail(ErrorCode::kBadArgument, "{}: the model scores texts, and its files say how it pools them",
           model.name);
    if (head.layers.empty()) {
      head.pooling = {*options.pooling};
    } else {
      fail(ErrorCode::kBadArgument,
           "{}: layers follow the pooling that the model's files name, so it has no other", model.name);
    }
    if (!model.encoder) head.normalizes = true;
  }
  if (head.pooling.empty())
    fail(ErrorCode::kUnsupported,
         "{}: the model makes text, no embeddings and no scores: its files name no pooling and no classifier",
         model.name);
  return described;
}

}  // namespace

uint64_t text_encoder_bytes(KvLayout layout, const ModelDescription& given,
                            const TextEncoderOptions& options) {
  const ModelDescription model = described(given, options);
  const DecoderLimits limits = model_limits(model, options);
  const uint64_t of_model =
      model.encoder ? Encoder::bytes(layout, model, limits)
                    : Decoder::activation_bytes(model, limits) + Decoder::kv_bytes(layout, model, limits);
  return of_model + rotation_bytes(model, options.longest_text) + upload_bytes(model, options) +
         StepBuilder::bytes(builder_limits(model, options)) + TextHead::bytes(model, most_texts(options));
}

TextPooling pooling_named(std::string_view name) {
  if (name == "mean") return TextPooling::kMean;
  if (name == "cls") return TextPooling::kFirst;
  if (name == "last") return TextPooling::kLast;
  if (name == "max") return TextPooling::kMax;
  fail(ErrorCode::kBadArgument, "pooling {}: there are mean, cls, last, max and none", in_quotes(name));
}

TextEncoder::TextEncoder(std::shared_ptr<Backend> backend, std::shared_ptr<const Checkpoint> checkpoint,
                         const TextEncoderOptions& options, const LoadProgress& progress)
    : checkpoint_(std::move(checkpoint)),
      backend_(std::move(backend)),
      options_(options),
      description_(described(checkpoint_->model(), options)),
      model_(load_model(*backend_, *checkpoint_, model_limits(description_, options), progress)),
      head_(*backend_, description_, load_text_head(*backend_, *checkpoint_), most_texts(options)),
      arena_(*backend_),
      upload_(*backend_, arena_, upload_bytes(description_, options)),
      builder_(*backend_, upload_, builder_limits(description_, options)) {
  for (int i = 0; i < all_blocks(options); ++i) blocks_.push_back(static_cast<BlockId>(i));
}

int TextEncoder::width() const { return description_.text_head.width(description_.hidden); }

bool TextEncoder::fits(size_t texts, size_t tokens) const {
  return texts <= static_cast<size_t>(most_texts(options_)) &&
         tokens <= static_cast<size_t>(step_tokens(options_));
}

size_t TextEncoder::next_step(std::span<const TextTokens* const> texts) const {
  size_t count = 0;
  size_t tokens = 0;
  while (count < texts.size()) {
    tokens += texts[count]->tokens.size();
    if (!fits(count + 1, tokens)) break;
    ++count;
  }
  check(count > 0 || texts.empty(), "a text fits a step");
  return count;
}

std::vector<float> TextEncoder::compute(std::span<const TextTokens> texts) {
  const auto width = static_cast<size_t>(this->width());
  std::vector<const TextTokens*> all;
  for (const TextTokens& text : texts) all.push_back(&text);
  std::vector<float> results;
  results.reserve(texts.size() * width);
  for (size_t done = 0; done < texts.size();) {
    const auto rest = std::span(std::as_const(all)).subspan(done);
    const std::vector<float> part = compute(rest.first(next_step(rest)));
    for (size_t i = 0; i < part.size(); ++i)
      if (!std::isfinite(part[i]))
        fail(ErrorCode::kNotFinite, "{}: what the model computes of text {} is not finite", description_.name,
             done + i / width);
    results.insert(results.end(), part.begin(), part.end());
    done += part.size() / width;
  }
  return results;
}

std::vector<float> TextEncoder::compute(std::span<const TextTokens* const> texts) {
  return run(texts, outputs_of(description_));
}

std::vector<float> TextEncoder::states(std::span<const TextTokens* const> texts) {
  check(options_.gives_states, "an encoder that gives states");
  return run(texts, Outputs::kNone);
}

// Outputs::kNone: of no pooling, the rows of all tokens.
std::vector<float> TextEncoder::run(std::span<const TextTokens* const> texts, Outputs outputs) {
  const bool pools = outputs != Outputs::kNone;
  std::vector<Chunk> chunks;
  std::vector<int32_t> starts = {0};
  std::span<const BlockId> free = blocks_;
  for (const TextTokens* const text : texts) {
    const auto tokens = static_cast<int>(text->tokens.size());
    const auto blocks = static_cast<size_t>(blocks_of(tokens));
    const int unpooled = pools ? text->unpooled : 0;
    chunks.push_back({.tokens = text->tokens,
                      .blocks = free.first(blocks),
                      .outputs = pools ? outputs : Outputs::kAll,
                      .first_output = unpooled,
                      .types = text->types});
    free = free.subspan(blocks);
    starts.push_back(starts.back() + (chunks.back().outputs == Outputs::kAll ? tokens - unpooled : 1));
  }
  const Step& step = builder_.build(chunks);
  const Tensor starts_on_device = upload_.add(starts);
  upload_.send();
  backend_->run(step.shape, [&] { model_->forward(step, {}); });
  Tensor made = model_->hidden_states(step.shape.outputs);
  if (pools) made = head_.compute(made, starts_on_device);
  std::vector<float> results(static_cast<size_t>(made.rows) * static_cast<size_t>(made.cols));
  backend_->download(std::as_writable_bytes(std::span(results)), made);
  if (!checkpoint_->intact())
    fail(ErrorCode::kBadFile, "{}: the model's file was cut while it was in use", description_.name);
  return results;
}

}  // namespace ferrum
