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
      planner_(options_, {.roster = roster_, .cache = cache_, .meter = meter_, .life = life_}, runner.vocab(),
               drafter),
      harvest_({.roster = roster_,
                .meter = meter_,
                .life = life_,
                .tokenizer = tokenizer,
                .keeps_states = cache_.states() != nullptr},
               options.limits.max_sequences, runner.hidden()) {}

void Loop::add(const std::shared_ptr<Job>& job) {
  job->open_choices = job->request.choices;
  job->number = arrivals_;
  job->sink = outbox_.before(job->sink);
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
  const bool worked = launch();
  deliver();
  if (worked) collect();
  deliver();
  return worked;
}

bool Loop::launch() {
  observer_.step_began();
  bool has_work = true;
  if (!in_flight_.plan) {
    drop_unwanted();
    const StepPlan& plan = planner_.next();
    in_flight_ = launched(plan);
    has_work = !plan.chunks.empty();
  }
  return has_work;
}

void Loop::collect() {
  if (!in_flight_.plan) return end_step();
  behind_ = is_settling_ || !runner_.runs_ahead() ? InFlight{} : launched(planner_.behind(*in_flight_.plan));
  finish(std::exchange(in_flight_, {}));
  in_flight_ = std::exchange(behind_, {});
  end_step();
}

Loop::InFlight Loop::launched(const StepPlan& plan) {
  if (plan.chunks.empty()) return {};
  const InFlight step = {&plan, options_.now()};
  try {
    runner_.copy_blocks(plan.copies);
    runner_.launch(plan.chunks, plan.draws);
  } catch (...) {
    fail(plan);
    return {};
  }
  return step;
}

void Loop::finish(const InFlight& step) {
  StepResult result;
  try {
    result.drawn = runner_.collect();
    result.hidden = hidden_of(*step.plan);
  } catch (...) {
    return fail(*step.plan);
  }
  observer_.computed();
  const auto computed = options_.now();
  meter_.observe(*step.plan, computed - step.since);
  harvest_.take(*step.plan, result, computed);
  behind_.since = computed;  // it begins where this one ends
}

void Loop::end_step() {
  ++meter_.stats().steps;
  if (!in_flight_.plan) sweep();  // a step in flight has sequences that may have ended meanwhile
  observer_.step_ended(meter_.facts(), stats());
}

void Loop::settle() {
  is_settling_ = true;
  while (in_flight_.plan) collect();
  is_settling_ = false;
}

// Cancelled by their clients, or past their deadlines.
void Loop::drop_unwanted() {
  const auto now = options_.now();
  roster_.for_each([&](Sequence& s) {
    if (s.job->sink->cancelled()) {
      life_.finish(s, FinishReason::kCancelled);
    } else if (s.job->deadline && now >= *s.job->deadline) {
      life_.end_with(s, deadline_error(s.job->submitted, *s.job->deadline));
    }
  });
  sweep();
}

// Call within a catch clause: what the step computed is lost.
void Loop::fail(const StepPlan& plan) {
  const ErrorEvent error = current_error();
  for (Sequence* const s : plan.sequences) life_.end_with(*s, error);
  meter_.skip();
}

std::span<const float> Loop::hidden_of(const StepPlan& plan) {
  const auto wants = [](const Sequence* s) {
    return s->job->request.hidden_states != Request::HiddenStates::kNone;
  };
  if (std::ranges::none_of(plan.sequences, wants)) return {};
  size_t rows = 0;
  for (const Chunk& chunk : plan.chunks) rows += static_cast<size_t>(rows_of(chunk));
  hidden_.resize(rows * static_cast<size_t>(runner_.hidden()));
  runner_.read_hidden(hidden_);
  return hidden_;
}

void Loop::sweep() {
  roster_.sweep([this](Sequence& s) { return life_.is_over(s); });
}

void Loop::fail_all(const ErrorEvent& error) {
  in_flight_ = {};
  roster_.for_each([&](Sequence& s) { life_.end_with(s, error); });
  sweep();
  deliver();
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
