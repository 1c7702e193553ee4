#include "engine/local/admission.h"

#include <algorithm>
#include <limits>
#include <new>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/hash128.h"
#include "base/log.h"
#include "engine/kv_store.h"
#include "engine/local/best_of.h"
#include "engine/loop/current_error.h"
#include "engine/sampling/sampling_options.h"
#include "engine/step_runner.h"
#include "grammar/refusal.h"
#include "text/end_tokens.h"
#include "text/infill_tokens.h"
#include "tools/answer_structure.h"
#include "tools/call_structure.h"

namespace ferrum {
namespace {

constexpr size_t kLeastToShift = 32;  // tokens of a context
constexpr int kMaxPriority = 1000;
constexpr double kMaxDeadline = 1e6;

template <class T>
void require_from_to(const char* name, T value, T least, T most) {
  if (!(value >= least && value <= most))
    fail(ErrorCode::kBadArgument, "{} must be from {} to {}, not {}", name, least, most, value);
}

uint64_t drawn_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

struct ContextFull : Error {
  explicit ContextFull(const ContextOverflow& numbers)
      : Error(
            ErrorCode::kContextFull,
            fmt::format("the prompt has {} tokens: the context holds {}, with a token of the answer at least",
                        numbers.prompt, numbers.context)),
        overflow(numbers) {}
  ContextOverflow overflow;
};

std::vector<TokenId> stop_tokens_of(const Checkpoint& checkpoint, const PromptBuilder& prompts) {
  std::vector<TokenId> ids = checkpoint.generation().stop_tokens;
  if (const Tokenizer* tokenizer = prompts.tokenizer()) {
    if (tokenizer->special().eos) ids.push_back(*tokenizer->special().eos);
    if (checkpoint.generation().may_lack_stop_tokens) {
      for (const TokenId id : known_ends(*tokenizer)) ids.push_back(id);
      for (const TokenId id : infill_ends(*tokenizer)) ids.push_back(id);
    }
  }
  if (prompts.turn_end()) ids.push_back(*prompts.turn_end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Prompts share what is cached only where all their vectors are the same.
BlockKey root_of(const VectorRows& vectors, const std::string& salt) {
  Hasher128 hasher;
  hasher.add(std::as_bytes(std::span(vectors.positions)));
  hasher.add(std::as_bytes(std::span(vectors.values)));
  const Hash128 hash = hasher.hash();
  return root_key("", fmt::format("vectors {:016x}{:016x}", hash.high, hash.low), salt);
}

// Options that exclude each other.
void require_possible(const Request& request, bool has_vectors) {
  const bool shifts = request.context_end == Request::ContextEnd::kShifts;
  if (has_vectors && request.prompt_logprobs)
    fail(ErrorCode::kBadArgument, "prompt_logprobs of a prompt with vectors: they are no tokens");
  if (has_vectors && shifts)
    fail(ErrorCode::kBadArgument, "the context of a prompt with vectors cannot be shifted");
  if (request.hidden_states == Request::HiddenStates::kNone) return;
  if (shifts) fail(ErrorCode::kBadArgument, "hidden_states of a context that is shifted have no positions");
  if (request.best_of > request.choices)
    fail(ErrorCode::kBadArgument, "hidden_states with best_of: ask for all choices instead");
}

// The first token of an answer that the grammar does not admit.
std::optional<size_t> first_broken(const AnswerGrammar& grammar, std::span<const TokenId> answer) {
  grammar::TokenMatcher matcher(grammar.tokens);
  for (size_t i = 0; i < answer.size(); ++i) {
    const bool ends = std::ranges::find(grammar.ends, answer[i]) != grammar.ends.end();
    if (ends) return matcher.is_complete() ? std::nullopt : std::optional(i);
    if (!matcher.accept(answer[i])) return i;
  }
  return std::nullopt;
}

// Of a function's schema, if it says whose, and else of the rule, if there is one.
ErrorEvent refusal_event(const grammar::Refusal& refusal, const tools::ToolList& functions, bool has_rule) {
  const auto is_meant = [&](const tools::Tool& tool) { return tools::subject_of(tool) == refusal.subject(); };
  const auto meant = std::ranges::find_if(functions.all(), is_meant);
  if (meant != functions.all().end())
    return {.code = "bad_tools", .message = refusal.what(), .function = meant->name};
  return {.code = has_rule ? "bad_rule" : "bad_tools", .message = refusal.what()};
}

}  // namespace

std::shared_ptr<const DryBreakers> BreakerCache::of(const Tokenizer& tokenizer,
                                                    const std::vector<std::string>& strings) {
  const std::lock_guard lock(mutex_);
  if (!breakers_ || strings_ != strings) {
    breakers_ = std::make_shared<const DryBreakers>(tokenizer, strings);
    strings_ = strings;
  }
  return breakers_;
}

Admission::Admission(const Checkpoint& checkpoint, const PromptBuilder& prompts, const Limits& limits,
                     Replay* replay)
    : prompts_(prompts),
      replay_(replay),
      vocab_(checkpoint.model().vocab),
      context_(limits.context),
      block_tokens_(limits.block_tokens),
      keeps_states_(checkpoint.model().keeps_states()),
      stop_tokens_(stop_tokens_of(checkpoint, prompts)),
      grammars_(prompts, checkpoint.model().vocab) {}

std::shared_ptr<Job> Admission::admit(Request request, const std::shared_ptr<EventSink>& sink) {
  const bool has_rule = request.rule.has_value();
  std::shared_ptr<const tools::ToolList> functions;
  try {
    functions = PromptBuilder::functions(request.prompt);
    return job_for(std::move(request), functions, sink);
  } catch (const ContextFull& e) {
    sink->push(ErrorEvent{std::string(name_of(e.code())), e.what(), e.overflow});
  } catch (const grammar::Refusal& e) {
    sink->push(refusal_event(e, *functions, has_rule));
  } catch (const Error& e) {
    sink->push(event_of(e));
  } catch (const std::bad_alloc&) {
    sink->push(ErrorEvent{std::string(name_of(ErrorCode::kNoMemory)), "out of memory for this request"});
  }
  return nullptr;
}

std::shared_ptr<Job> Admission::job_for(Request request,
                                        const std::shared_ptr<const tools::ToolList>& functions,
                                        std::shared_ptr<EventSink> sink) {
  validate(request, vocab_);
  require_from_to("choices", request.choices, 1, kMaxChoices);
  if (request.best_of != 0) require_from_to("best_of", request.best_of, request.choices, kMaxChoices);
  require_from_to("max_thought_tokens", request.max_thought_tokens, -1, std::numeric_limits<int>::max());
  require_from_to("priority", request.priority, -kMaxPriority, kMaxPriority);
  require_from_to("deadline_seconds", request.deadline_seconds, 0.0, kMaxDeadline);
  StopStrings{request.stop};  // throws here and not on the loop's thread

  auto job = std::make_shared<Job>();
  job->prompt = prompts_.tokens(request);
  job->vectors = prompts_.vectors(request.prompt);
  require_possible(request, job->vectors != nullptr);
  set_limits(*job, request);
  job->kept_states = kept_states(job->prompt);
  job->facts = facts_of(request, job->prompt);
  set_form(*job, request, functions);
  if (job->thoughts && request.max_thought_tokens >= 0)
    job->facts.thoughts = ThoughtBudget{.marks = job->thoughts,
                                        .calls = calls_in_thoughts(request, *functions),
                                        .tokens = static_cast<size_t>(request.max_thought_tokens),
                                        .prompt_is_open = job->prompt_thinks};
  set_adapter(*job, request);
  job->seed = request.sampling.seed ? *request.sampling.seed : drawn_seed();
  if (request.deadline_seconds > 0)
    job->deadline = job->submitted + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(request.deadline_seconds));
  // Nothing is refused behind this, so that a request that is refused takes no recorded answer.
  if (replay_ != nullptr && request.max_tokens != 0) set_script(*job, request);
  if (request.best_of > request.choices) {
    sink = std::make_shared<BestOf>(std::move(sink),
                                    BestOf::Counts{.drawn = request.best_of, .kept = request.choices},
                                    request.logprobs ? BestOf::Tokens::kTold : BestOf::Tokens::kKept);
    request.choices = request.best_of;
    if (!request.logprobs) request.logprobs = 0;
  }
  job->sink = std::move(sink);
  job->request = std::move(request);
  return job;
}

void Admission::set_adapter(Job& job, const Request& request) {
  constexpr float kMostScale = 1000;
  if (!request.adapter.empty()) {
    require_from_to("adapter_scale", request.adapter_scale, -kMostScale, kMostScale);
    if (adapters_ == nullptr)
      fail(ErrorCode::kBadArgument, "adapter {}: the model was loaded without room for adapters",
           in_quotes(request.adapter));
    job.adapter = adapters_->use(request.adapter);
    job.adapter_use = {.slot = job.adapter->slot,
                       .scale = request.adapter_scale,
                       .changes_experts = job.adapter->changes_experts};
    job.adapter->counts->requests += 1;
    job.adapter->counts->prompt_tokens += std::ssize(job.prompt);
  }
  const std::string salt = cache_salt(job.adapter.get(), request.adapter_scale, request.cache_salt);
  job.root = job.vectors ? root_of(*job.vectors, salt) : cache_root(salt);
}

void Admission::set_form(Job& job, const Request& request,
                         const std::shared_ptr<const tools::ToolList>& functions) {
  job.thoughts = prompts_.thoughts();
  const tools::Phase phase = prompts_.phase_of(request.prompt, job.prompt);
  job.prompt_thinks = phase == tools::Phase::kReasoning;
  job.grammar = grammars_.of(request, {.functions = functions,
                                       .phase = phase,
                                       .may_think = prompts_.may_think(request.prompt, job.prompt),
                                       .ends = job.facts.ends});
  if (request.answer_as == Request::AnswerAs::kText) return;
  const auto* const chat = std::get_if<ChatPrompt>(&request.prompt);
  AnswerForm form = {
      .format = prompts_.format(), .functions = functions, .options = {}, .marks = prompts_.marks()};
  form.options = {.phase = phase,
                  .calls = !functions->all().empty() && chat->tools.choice != ToolUse::Choice::kNone,
                  .id_seed = drawn_seed()};
  if (chat != nullptr && !chat->tools.parallel) form.options.max_calls = 1;
  if (request.answer_as == Request::AnswerAs::kCalls) form.format.reasoning = {};
  job.form = std::make_shared<const AnswerForm>(std::move(form));
}

std::shared_ptr<const grammar::ByteSearch> Admission::calls_in_thoughts(
    const Request& request, const tools::ToolList& functions) const {
  const auto* const chat = std::get_if<ChatPrompt>(&request.prompt);
  if (chat == nullptr || chat->tools.choice == ToolUse::Choice::kNone) return nullptr;
  const std::vector<grammar::TextPattern> begins =
      tools::call_begins_in_thought(prompts_.format(), functions);
  return begins.empty() ? nullptr : std::make_shared<const grammar::ByteSearch>(begins, grammar::Limits{});
}

void Admission::set_script(Job& job, const Request& request) {
  std::vector<TokenId> script =
      replay_->script(request, job.facts, [&] { return prompts_.text(job.prompt); });
  if (job.grammar) {
    if (const auto broken = first_broken(*job.grammar, script))
      log::warn("a recorded answer breaks what its request demands of it: {}",
                in_quotes(prompts_.text(std::span(script).subspan(*broken))));
    job.grammar = nullptr;
  }
  job.facts.script = std::make_shared<const std::vector<TokenId>>(std::move(script));
}

void Admission::set_limits(Job& job, const Request& request) const {
  const auto context = static_cast<size_t>(context_);
  const bool shifts = request.context_end == Request::ContextEnd::kShifts;
  const bool ends = request.max_tokens >= 0;
  const size_t wanted = ends ? static_cast<size_t>(request.max_tokens) : 1;
  if (job.prompt.size() + std::min<size_t>(wanted, 1) > context)
    throw ContextFull({.prompt = static_cast<int>(job.prompt.size()),
                       .max_tokens = request.max_tokens,
                       .context = context_});
  job.limit = ends ? job.prompt.size() + wanted : std::numeric_limits<size_t>::max();
  if (!shifts) {
    job.limit = std::min(job.limit, context);
    return;
  }
  if (context < kLeastToShift)
    fail(ErrorCode::kBadArgument, "a context of {} tokens is too small to shift", context);
  require_from_to("keep_tokens", request.keep_tokens, 0, std::numeric_limits<int>::max());
  // Something must be left to go, and something to go on from.
  job.shift = {.context = context,
               .keep = std::min({static_cast<size_t>(request.keep_tokens), job.prompt.size(),
                                 context - kLeastToShift / 2})};
}

std::vector<int> Admission::kept_states(std::span<const TokenId> prompt) const {
  constexpr int kLeast = 48;  // tokens that are worth a step of their own
  if (!keeps_states_) return {};
  const auto whole = [&](std::ptrdiff_t tokens) {
    return static_cast<int>(tokens) / block_tokens_ * block_tokens_;
  };
  std::vector<int> positions;
  const int last = whole(std::ssize(prompt) - 1);
  if (prompts_.turn_end()) {
    const auto end = std::ranges::find(prompt, *prompts_.turn_end());
    const int first = whole(end - prompt.begin());
    if (end != prompt.end() && first >= kLeast && first + kLeast <= last) positions.push_back(first);
  }
  if (last >= kLeast) positions.push_back(last);
  return positions;
}

std::vector<TokenId> Admission::model_ends(std::span<const TokenId> prompt) const {
  std::vector<TokenId> ends = stop_tokens_;
  const Tokenizer* const tokenizer = prompts_.tokenizer();
  if (tokenizer == nullptr) return ends;
  const std::optional<InfillTokens> gap = infill_tokens_of(*tokenizer);
  if (gap && std::ranges::find(prompt, gap->middle) != prompt.end())
    for (const TokenId id : infill_ends(*tokenizer)) ends.push_back(id);
  return ends;
}

// A stop token that is ignored is never drawn, for what a model says after one is no continuation. Those that
// the request names itself are not ignored.
SequenceFacts Admission::facts_of(const Request& request, std::span<const TokenId> prompt) {
  SequenceFacts facts = {.prompt_tokens = prompt.size(),
                         .min_tokens = static_cast<size_t>(request.min_tokens),
                         .ends = request.stop_tokens};
  const SamplingOptions& sampling = request.sampling;
  if (const Tokenizer* tokenizer = prompts_.tokenizer()) {
    if (sampling.dry_multiplier != 0 && !sampling.dry_breakers.empty())
      facts.breakers = breakers_.of(*tokenizer, sampling.dry_breakers);
    // Control tokens have no text in which a stop string could be found.
    for (const std::string& stop : request.stop)
      if (const auto id = tokenizer->find(stop); id && tokenizer->kind(*id) == TokenKind::kControl)
        facts.ends.push_back(*id);
  }
  const bool ignored = request.end_of_text == Request::EndOfText::kIgnored;
  const std::vector<TokenId> named = facts.ends;
  for (const TokenId id : model_ends(prompt)) {
    if (!ignored)
      facts.ends.push_back(id);
    else if (std::ranges::find(named, id) == named.end())
      facts.forbidden.push_back(id);
  }
  return facts;
}

}  // namespace ferrum
