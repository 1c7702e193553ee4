#include "engine/loop/loop.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/loop/current_error.h"

namespace ferrum {

Loop::Loop(StepRunner& runner, const Tokenizer* tokenizer, const LoopOptions& options, Drafter* drafter)
    : runner_(runner),
      tokenizer_(tokenizer),
      options_(options),
      observer_(options.observer != nullptr ? *options.observer : nobody_),
      cache_(options.cache),
      meter_(options.stretch, options.limits.max_sequences, options.drafts),
      life_(meter_.stats(), observer_, options_.now),
      planner_(options_, {.roster = roster_, .cache = cache_, .meter = meter_, .life = life_}, drafter),
      harvest_({.roster = roster_, .meter = meter_, .life = life_, .tokenizer = tokenizer},
               options.limits.max_sequences, {.vocab = runner.vocab(), .hidden = runner.hidden()}) {}

void Loop::add(const std::shared_ptr<Job>& job) {
  job->open_choices = job->request.choices;
  job->number = arrivals_;
  auto s = std::make_unique<Sequence>(job, 0, rank_of(job->request.priority, arrivals_++),
                                      BlockTable(cache_, job->root), tokenizer_);
  s->draft.acceptance = meter_.expected_acceptance();
  s->usage.prompt_tokens = static_cast<int>(job->prompt.size());
  if (job->request.prompt_logprobs)
    s->prompt_chances =
        std::make_unique<PromptChances>(job->prompt, *job->request.prompt_logprobs, tokenizer_);
  if (!s->reads_prompt() && s->at_end())
    return life_.finish(*s, FinishReason::kMaxTokens);  // max_tokens is 0
  roster_.add_waiting(std::move(s));
}

bool Loop::step() {
  observer_.step_began();
  drop_unwanted();
  const StepPlan& plan = planner_.next();
  const bool worked = !plan.chunks.empty();
  if (worked) {
    run(plan);
    ++meter_.stats().steps;
  }
  sweep();
  if (worked) observer_.step_ended(meter_.facts(), stats());
  return worked;
}

// Cancelled by their clients, or past their deadlines.
void Loop::drop_unwanted() {
  const auto now = options_.now();
  roster_.for_each([&](Sequence& s) {
    if (s.job->sink->cancelled()) {
      life_.finish(s, FinishReason::kCancelled);
    } else if (s.job->deadline && now >= *s.job->deadline) {
      life_.end_with(
          s, {std::string(name_of(ErrorCode::kDeadline)),
              fmt::format("not done within {:.1f} s", seconds_between(s.job->submitted, *s.job->deadline))});
    }
  });
  sweep();
}

void Loop::run(const StepPlan& plan) {
  const auto begin = options_.now();
  StepRows rows;
  try {
    runner_.copy_blocks(plan.copies);
    rows.logits = runner_.step(plan.chunks);
    rows.hidden = hidden_of(plan, rows.logits.size() / static_cast<size_t>(runner_.vocab()));
  } catch (...) {
    const ErrorEvent error = current_error();
    for (Sequence* const s : plan.sequences) life_.end_with(*s, error);
    return meter_.skip();
  }
  observer_.computed();
  const auto computed = options_.now();
  meter_.observe(plan, computed - begin);
  harvest_.take(plan, rows, computed);
}

std::span<const float> Loop::hidden_of(const StepPlan& plan, size_t outputs) {
  const auto wants = [](const Sequence* s) {
    return s->job->request.hidden_states != Request::HiddenStates::kNone;
  };
  if (std::ranges::none_of(plan.sequences, wants)) return {};
  hidden_.resize(outputs * static_cast<size_t>(runner_.hidden()));
  runner_.read_hidden(hidden_);
  return hidden_;
}

void Loop::sweep() {
  roster_.sweep([this](Sequence& s) { return life_.is_over(s); });
}

void Loop::fail_all(const ErrorEvent& error) {
  roster_.for_each([&](Sequence& s) { life_.end_with(s, error); });
  sweep();
}

const EngineStats& Loop::stats() {
  EngineStats& stats = meter_.stats();
  stats.waiting = waiting();
  stats.running = static_cast<int>(roster_.running().size());
  stats.used_blocks = cache_.pool().used();
  stats.cached_blocks = cache_.pool().idle();
  stats.free_blocks = cache_.pool().free();
  return stats;
}

}  // namespace ferrum
