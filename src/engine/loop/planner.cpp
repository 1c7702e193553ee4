#include "engine/loop/planner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ferrum {
namespace {

constexpr TokenId kUnknownToken = 0;  // stands for one that is drawn on the device

}  // namespace

Planner::Planner(const LoopOptions& options, const Parts& parts, int vocab, Drafter* drafter)
    : options_(options),
      parts_(parts),
      drafting_(options, parts.meter.draft_pace(), drafter),
      plans_{StepPlan(vocab), StepPlan(vocab)} {}

void Planner::begin() {
  plan_ = plan_ == &plans_[0] ? &plans_[1] : &plans_[0];
  plan_->clear();
}

const StepPlan& Planner::next() {
  begin();
  drafting_.ask(parts_.roster.running());
  bool preempted = false;
  while (true) {
    look_at_running();
    SchedulerState state = {.running = views_,
                            .waiting = {},
                            .available_blocks = parts_.cache.pool().available(),
                            .prompt_tokens = parts_.meter.pace().prompt_tokens(plan_->crowd)};
    if (!parts_.roster.waiting().empty() && !preempted) {
      const Sequence& next = *parts_.roster.waiting().front();
      state.waiting = {.tokens = static_cast<int>(next.tokens.size()),
                       .found = next.reads_prompt() ? 0 : next.blocks.blocks_in_use(next.tokens)};
    }
    decide(options_.limits, state, decision_);
    switch (decision_.kind) {
      case Decision::Kind::kAdmit:
        admit();
        break;
      case Decision::Kind::kPreempt:
        preempt();
        preempted = true;  // waiting requests must not take the blocks that were just freed
        break;
      case Decision::Kind::kRun:
        plan_->drafting = drafting_.draft(parts_.roster.running(), decision_.tokens);
        reserve_and_collect();
        return *plan_;
    }
  }
}

const StepPlan& Planner::behind(const StepPlan& running) {
  begin();
  if (!can_plan_behind(running)) return *plan_;
  plan_->crowd = running.crowd;
  for (size_t i = 0; i < running.chunks.size(); ++i) {
    Sequence& s = *running.sequences[i];
    const size_t known = s.text().size() + 1;
    if (known >= s.job->limit) continue;  // the token that is being drawn is its last
    const int position = static_cast<int>(s.tokens.size());
    check(s.blocks.reserve(position, position + 1, plan_->copies), "the blocks were counted");
    plan_->sequences.push_back(&s);
    plan_->chunks.push_back({.tokens = std::span(&kUnknownToken, 1),
                             .position = position,
                             .blocks = s.blocks.blocks(),
                             .outputs = Outputs::kLast,
                             .vectors = s.job->vectors.get(),
                             .pages = s.blocks.pages(),
                             .adapter = s.job->adapter_use,
                             .drawn = running.first_draws[i]});
    plan_->first_draws.push_back(plan_->draws.size());
    plan_->draws.begin_group();
    s.answer.ask(known, static_cast<int>(plan_->chunks.size()) - 1, plan_->draws);
  }
  return *plan_;
}

bool Planner::can_plan_behind(const StepPlan& running) const {
  const Roster& roster = parts_.roster;
  const auto sequences = roster.running().size();
  if (drafting_.drafts() || parts_.cache.states() != nullptr || running.sequences.size() != sequences ||
      (!roster.waiting().empty() && static_cast<int>(sequences) < options_.limits.max_sequences))
    return false;
  for (size_t i = 0; i < sequences; ++i) {
    const Chunk& chunk = running.chunks[i];
    if (chunk.outputs != Outputs::kLast || !goes_on(*running.sequences[i], chunk)) return false;
  }
  // One token takes a block of each group at most.
  const auto has_room = [&](const BlockPool& pool) {
    return pool.available() >= static_cast<int>(sequences);
  };
  return has_room(parts_.cache.pool()) &&
         std::ranges::all_of(parts_.cache.windows(),
                             [&](const WindowPages& w) { return has_room(w.pool()); });
}

// Whether a sequence goes on with the token that this chunk's step draws, and with a draw that need not know
// it.
bool Planner::goes_on(const Sequence& s, const Chunk& chunk) const {
  const Job& job = *s.job;
  const bool is_whole =
      chunk.position + static_cast<int>(chunk.tokens.size()) == static_cast<int>(s.tokens.size());
  const bool is_wanted = !s.ended && job.open_choices > 0 && !job.sink->cancelled() &&
                         !(job.deadline && options_.now() >= *job.deadline);
  const bool is_plain = !s.constraint && !s.reads_prompt() && !s.answer.reads_history() &&
                        job.request.hidden_states == Request::HiddenStates::kNone;
  const bool forks = !s.began() && job.request.choices > 1;
  const bool shifts = job.shift && s.tokens.size() + 1 >= job.shift->context;
  return is_whole && is_wanted && is_plain && !forks && !shifts;
}

void Planner::look_at_running() {
  const Roster& roster = parts_.roster;
  const int block_tokens = parts_.cache.block_tokens();
  Crowd& crowd = plan_->crowd;
  views_.clear();
  crowd = {};
  for (const std::unique_ptr<Sequence>& s : roster.running()) {
    // Blocks that another sequence has computed meanwhile are cache hits, unless their logits are needed.
    if (s->missing() > 1 && !s->reads_prompt() &&
        static_cast<int>(s->blocks.blocks().size()) * block_tokens == s->computed) {
      const int before = std::exchange(s->computed, s->blocks.match(s->tokens));
      if (!s->resumed) s->usage.cached_tokens += s->computed - before;
      parts_.meter.stats().cached_tokens += s->computed - before;
    }
    const auto held = static_cast<int>(s->blocks.blocks().size());
    crowd.decoding += s->missing() == 1;
    views_.push_back({.missing = s->missing(),
                      .computed = s->computed,
                      .blocks = held,
                      .drafted = s->draft.wanted,
                      .every_row = s->reads_prompt(),
                      .shared = s->computed < held * block_tokens &&
                                s->blocks.blocks_needed(s->computed, s->computed + 1) > 0});
  }
  crowd.waiting = static_cast<int>(roster.waiting().size() + roster.running().size()) - crowd.decoding;
}

void Planner::admit() {
  std::unique_ptr<Sequence> s = parts_.roster.take_first_waiting();
  s->job->place.reset();
  if (!std::exchange(s->admitted, true)) {
    s->usage.queue_seconds = seconds_between(s->job->submitted, options_.now());
    parts_.meter.stats().queue_seconds.observe(s->usage.queue_seconds);
  }
  parts_.life.enter(*s, Sequence::Phase::kPrefills);
  parts_.roster.add_running(std::move(s));
}

void Planner::preempt() {
  check(parts_.roster.running().size() > 1, "a sequence alone has the blocks it needs");
  std::unique_ptr<Sequence> s = parts_.roster.take_last_running();
  parts_.life.preempt(*s);
  parts_.roster.add_waiting(std::move(s));
}

void Planner::reserve_and_collect() {
  int row = 0;
  // States are kept behind each token of a draft where nothing but drafts and single tokens is computed.
  const bool keeps_drafts = std::ranges::all_of(decision_.tokens, [](int tokens) { return tokens <= 1; });
  for (size_t i = 0; i < parts_.roster.running().size(); ++i) {
    if (decision_.tokens[i] == 0) continue;
    Sequence& s = *parts_.roster.running()[i];
    const int drafted = s.draft.drafted();
    const int count = drafted > 0 ? decision_.tokens[i] + drafted : up_to_kept_state(s, decision_.tokens[i]);
    check(s.blocks.reserve(s.computed, s.computed + count, plan_->copies),
          "the scheduler counted the blocks");
    plan_->sequences.push_back(&s);
    plan_->chunks.push_back({.tokens = drafted > 0
                                           ? std::span<const TokenId>(s.draft.tokens)
                                           : std::span<const TokenId>(s.tokens).subspan(
                                                 static_cast<size_t>(s.computed), static_cast<size_t>(count)),
                             .position = s.computed,
                             .blocks = s.blocks.blocks(),
                             .outputs = drafted > 0 || s.reads_prompt() ? Outputs::kAll
                                        : count == s.missing()          ? Outputs::kLast
                                                                        : Outputs::kNone,
                             .vectors = s.job->vectors.get(),
                             .pages = s.blocks.pages(),
                             .adapter = s.job->adapter_use});
    if (parts_.cache.states() != nullptr) {
      Chunk& chunk = plan_->chunks.back();
      if (drafted > 0 && keeps_drafts && options_.keeps_draft_states) {
        const auto others = static_cast<int>(parts_.roster.running().size());
        chunk.states = StateSlots{.from = s.blocks.state_slot(), .to = 0};
        chunk.row_states = s.blocks.begin_draft(count, others);
        chunk.states->to = static_cast<int>(chunk.row_states.back());
      } else {
        chunk.states =
            s.blocks.begin_state(drafted > 0 ? BlockTable::Before::kStays : BlockTable::Before::kMayGo);
      }
    }
    const Chunk& chunk = plan_->chunks.back();
    plan_->first_draws.push_back(plan_->draws.size());
    ask_for_tokens(s, chunk, row);
    row += rows_of(chunk);
  }
}

// A chunk ends where the state is to be kept.
int Planner::up_to_kept_state(const Sequence& s, int tokens) const {
  if (parts_.cache.states() == nullptr) return tokens;
  for (const int position : s.job->kept_states)
    if (position > s.computed && position < s.computed + tokens) return position - s.computed;
  return tokens;
}

void Planner::ask_for_tokens(const Sequence& s, const Chunk& chunk, int row) {
  if (chunk.outputs == Outputs::kNone) return;
  DrawList& draws = plan_->draws;
  draws.begin_group();
  const auto end = static_cast<size_t>(chunk.position) + chunk.tokens.size();
  if (s.prompt_chances)
    for (auto p = static_cast<size_t>(chunk.position); p < end && p + 1 < s.tokens.size(); ++p)
      if (s.prompt_chances->wants(p))
        s.prompt_chances->ask(p, row + static_cast<int>(p) - chunk.position, draws);
  if (end < s.tokens.size() || (!s.began() && s.at_end())) return;  // only the prompt was requested

  row += rows_of(chunk) - 1 - s.draft.drafted();
  s.answer.ask(s.text(), row, draws);
  if (s.constraint) s.constraint->restrict(draws);
  if (!s.began() && s.choice == 0)
    for (int choice = 1; choice < s.job->request.choices; ++choice)
      draws.add_alike().seed = seed_of(*s.job, choice);
  if (s.draft.drafted() == 0) return;
  history_.assign(s.text().begin(), s.text().end());
  std::optional<Constraint> ahead = s.constraint;
  for (int i = 1; i <= s.draft.drafted(); ++i) {
    const TokenId expected = s.draft.tokens[static_cast<size_t>(i)];
    history_.push_back(expected);
    const int before = draws.size() - 1;
    Draw& draw = s.answer.ask(history_, row + i, draws);
    draw.after = before;
    draw.expected = expected;
    if (!ahead) continue;
    ahead->take(expected);
    ahead->restrict(draws);
  }
}

}  // namespace ferrum
