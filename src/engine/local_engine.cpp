#include "engine/local_engine.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>
#include <utility>

#include "base/error.h"
#include "engine/backend_factory.h"
#include "engine/held_tokens.h"
#include "engine/memory_plan.h"
#include "engine/sampler.h"
#include "engine/sampling/logprobs.h"
#include "engine/sampling/sampling_options.h"
#include "engine/stop_strings.h"
#include "text/detokenizer.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

// Samples, watches for the end, and tells the client, token by token.
class LocalEngine::Answer {
 public:
  Answer(const Request& request, const Tokenizer* tokenizer, SequenceFacts facts,
         const std::function<void(const Event&)>& on_event)
      : sampler_(request.sampling, std::random_device{}(), std::move(facts)),
        stops_(request.stop),
        tokenizer_(tokenizer),
        alternatives_(request.logprobs),
        on_event_(on_event) {
    if (tokenizer) detokenizer_.emplace(*tokenizer);
  }

  TokenId sample(std::span<const float> logits, std::span<const TokenId> history, SamplerMemory& memory) {
    const TokenId id = sampler_.sample(logits, history, memory);
    if (alternatives_) read_logprobs(logits, id, *alternatives_, memory, logprobs_);
    return id;
  }
  // The token that was sampled last, as part of the answer.
  void push(TokenId id) {
    const std::string text = detokenizer_ ? detokenizer_->push(id) : std::string();
    const bool unfinished = detokenizer_ && detokenizer_->unfinished();
    if (alternatives_)
      held_.push(token_event(), text.size(),
                 unfinished ? HeldTokens::Text::kUnfinished : HeldTokens::Text::kWhole);
    show(stops_.push(text));
  }
  bool stopped() const { return stops_.met(); }

  void finish(FinishReason reason, const Usage& usage) {
    if (detokenizer_) show(stops_.push(detokenizer_->finish()));
    if (!stops_.met()) {
      show(stops_.finish());
      held_.show_rest(on_event_);
    }
    on_event_(FinishEvent{reason, stops_.met() ? stops_.met_string() : std::string(), usage});
  }

 private:
  void show(const std::string& text) {
    held_.show(text.size(), on_event_);
    if (!text.empty()) on_event_(TextEvent{text});
  }
  TokenEvent token_event() const {
    const auto chance = [this](const TokenLogprob& t) {
      return TokenChance{t.id, tokenizer_ ? tokenizer_->bytes(t.id) : std::string(), t.logprob};
    };
    TokenEvent event = {chance(logprobs_.drawn), {}};
    for (const TokenLogprob& t : logprobs_.top) event.top.push_back(chance(t));
    return event;
  }

  Sampler sampler_;
  StopStrings stops_;
  const Tokenizer* tokenizer_;  // null: the model has none
  std::optional<int> alternatives_;
  Logprobs logprobs_;  // of the token that was sampled last
  HeldTokens held_;
  std::optional<Detokenizer> detokenizer_;
  const std::function<void(const Event&)>& on_event_;
};

std::unique_ptr<Engine> Engine::load(const EngineOptions& options, const LoadObserver& observer) {
  return std::make_unique<LocalEngine>(options, observer);
}

LocalEngine::LocalEngine(const EngineOptions& options, const LoadObserver& observer)
    : checkpoint_(Checkpoint::open(options.model)), prompts_(*checkpoint_) {
  const ModelDescription& model = checkpoint_->model();
  const RunnerOptions runner = runner_options(options, model);
  std::unique_ptr<Backend> backend = make_backend({options.backend, options.threads, options.activations});

  info_ = {.name = model.name,
           .architecture = std::string(name_of(model.architecture)),
           .format = checkpoint_->format(),
           .parameters = model.parameters,
           .context = runner.max_context,
           .has_chat_template = prompts_.has_template()};
  memory_ = memory_plan(*checkpoint_, runner, backend->free_bytes());
  if (observer.planned) observer.planned(info_, memory_);
  require_fit(memory_, model, "use a smaller --max-context");

  runner_ = std::make_unique<Runner>(std::move(backend), checkpoint_, runner, observer.progress);
  blocks_.resize(static_cast<size_t>(runner_->pages()));
  std::iota(blocks_.begin(), blocks_.end(), 0);

  stop_tokens_ = checkpoint_->generation().stop_tokens;
  if (prompts_.tokenizer() && prompts_.tokenizer()->special().eos)
    stop_tokens_.push_back(*prompts_.tokenizer()->special().eos);
  if (prompts_.turn_end()) stop_tokens_.push_back(*prompts_.turn_end());
}

SamplingOptions LocalEngine::recommended_sampling() const {
  const GenerationDefaults& g = checkpoint_->generation();
  SamplingOptions o;
  o.temperature = g.temperature.value_or(o.temperature);
  o.top_k = g.top_k.value_or(o.top_k);
  o.top_p = g.top_p.value_or(o.top_p);
  o.min_p = g.min_p.value_or(o.min_p);
  o.repetition_penalty = g.repetition_penalty.value_or(o.repetition_penalty);
  return o;
}

// A stop token that is ignored is never drawn, for what a model says after one is no continuation.
SequenceFacts LocalEngine::facts_of(const Request& request, size_t prompt_tokens) {
  SequenceFacts facts = {.prompt_tokens = prompt_tokens,
                         .min_tokens = static_cast<size_t>(request.min_tokens),
                         .ends = request.stop_tokens,
                         .breakers = breakers_of(request.sampling)};
  if (request.end_of_text == Request::EndOfText::kIgnored)
    facts.forbidden = stop_tokens_;
  else
    facts.ends.insert(facts.ends.end(), stop_tokens_.begin(), stop_tokens_.end());
  return facts;
}

std::shared_ptr<const DryBreakers> LocalEngine::breakers_of(const SamplingOptions& sampling) {
  if (sampling.dry_multiplier == 0 || sampling.dry_breakers.empty() || !prompts_.tokenizer()) return nullptr;
  if (!breakers_ || breaker_strings_ != sampling.dry_breakers) {
    breakers_ = std::make_shared<const DryBreakers>(*prompts_.tokenizer(), sampling.dry_breakers);
    breaker_strings_ = sampling.dry_breakers;
  }
  return breakers_;
}

void LocalEngine::generate(const Request& request, const std::function<void(const Event&)>& on_event,
                           std::stop_token cancel) try {
  const auto start = Clock::now();
  validate(request, checkpoint_->model().vocab);
  std::vector<TokenId> tokens = prompts_.tokens(request);
  const SequenceFacts facts = facts_of(request, tokens.size());
  Answer answer(request, prompts_.tokenizer(), facts, on_event);
  const auto prompt_size = tokens.size();
  const auto context = static_cast<size_t>(info_.context);
  const size_t wanted = request.max_tokens < 0 ? 1 : static_cast<size_t>(request.max_tokens);
  if (prompt_size + wanted > context)
    fail(ErrorCode::kContextFull, "the prompt has {} tokens and {} more are asked for: the context holds {}",
         prompt_size, wanted, context);

  // The last token is always computed, since its logits are needed.
  const auto common = std::mismatch(cached_.begin(), cached_.end(), tokens.begin(), tokens.end() - 1).first;
  cached_.erase(common, cached_.end());
  Usage usage = {.prompt_tokens = static_cast<int>(prompt_size),
                 .cached_tokens = static_cast<int>(cached_.size())};

  const size_t limit = request.max_tokens < 0 ? context : prompt_size + wanted;
  auto reason = FinishReason::kMaxTokens;
  auto first_token = Clock::now();
  while (true) {
    if (tokens.size() == limit) {
      reason = request.max_tokens < 0 ? FinishReason::kContext : FinishReason::kMaxTokens;
      break;
    }
    const std::span<const float> logits = advance(tokens, cancel);
    if (logits.empty()) {
      reason = FinishReason::kCancelled;
      break;
    }
    const TokenId id = answer.sample(logits, tokens, sampler_memory_);
    if (tokens.size() == prompt_size) {
      usage.prompt_seconds = seconds_since(start);
      first_token = Clock::now();
    }
    tokens.push_back(id);
    ++usage.generated_tokens;
    usage.decode_seconds = seconds_since(first_token);
    if (std::find(facts.ends.begin(), facts.ends.end(), id) != facts.ends.end()) {
      reason = FinishReason::kStop;
      break;
    }
    answer.push(id);
    if (answer.stopped()) {
      reason = FinishReason::kStop;
      break;
    }
  }
  answer.finish(reason, usage);
} catch (const Error& e) {
  on_event(ErrorEvent{std::string(name_of(e.code())), e.what()});
} catch (const std::bad_alloc&) {
  on_event(ErrorEvent{std::string(name_of(ErrorCode::kNoMemory)), "out of memory while answering"});
}

std::span<const float> LocalEngine::advance(std::span<const TokenId> tokens, const std::stop_token& cancel) {
  std::span<const float> logits;
  while (cached_.size() < tokens.size()) {
    if (cancel.stop_requested()) return {};
    const size_t count =
        std::min(tokens.size() - cached_.size(), static_cast<size_t>(runner_->options().max_tokens));
    const bool last = cached_.size() + count == tokens.size();
    const Chunk chunk = {.tokens = tokens.subspan(cached_.size(), count),
                         .position = static_cast<int>(cached_.size()),
                         .blocks = blocks_,
                         .outputs = last ? Outputs::kLast : Outputs::kNone};
    logits = runner_->step(std::span(&chunk, 1));
    cached_.insert(cached_.end(), chunk.tokens.begin(), chunk.tokens.end());
  }
  return logits;
}

}  // namespace ferrum
