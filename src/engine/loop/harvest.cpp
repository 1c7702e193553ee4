#include "engine/loop/harvest.h"

#include <algorithm>
#include <utility>

#include "engine/loop/current_error.h"

namespace ferrum {

void Harvest::take(const StepPlan& plan, const StepResult& result, Clock::time_point computed) {
  computed_ = computed;
  hidden_ = result.hidden;
  for (size_t c = 0; c < plan.chunks.size(); ++c) {
    Sequence& s = *plan.sequences[c];
    if (s.ended) continue;  // it had been launched before that was known
    const Chunk& chunk = plan.chunks[c];
    int rows = rows_of(chunk);
    const int end = s.computed + static_cast<int>(chunk.tokens.size());
    s.computed = end - rows;
    // A state stands behind the whole chunk: with a draft, the sequence may have to go back.
    if (chunk.states && s.draft.drafted() == 0) s.blocks.end_state(end);
    if (rows == 0) s.fill();
    const std::span<const float> hidden_of_next =
        hidden_.empty() ? hidden_ : hidden_.subspan(static_cast<size_t>(rows) * hidden_width_);
    Found at = {result.drawn, plan.first_draws[c]};
    if (s.reads_prompt()) rows = take_prompt_rows(s, rows, at);
    take_rows(s, rows, at);
    hidden_ = hidden_of_next;
  }
  place_forks();
}

int Harvest::take_prompt_rows(Sequence& s, int rows, Found& at) {
  try {
    for (; rows > 0 && s.missing() > 1; --rows, ++s.computed) {
      const auto position = static_cast<size_t>(s.computed);
      if (s.prompt_chances && s.prompt_chances->wants(position)) {
        s.prompt_chances->take(position, at.drawn, at.index);
        ++at.index;
      }
      send_hidden(s);
    }
    s.fill();
  } catch (...) {
    end_for_its_logits(s);
  }
  return rows;
}

void Harvest::take_rows(Sequence& s, int rows, const Found& first) {
  Draft& draft = s.draft;
  const bool may_go_back = parts_.keeps_states && draft.drafted() > 0;
  int taken = 0;  // rows
  s.usage.drafted_tokens += draft.drafted();
  parts_.meter.stats().drafted_tokens += draft.drafted();
  for (int row = 0; row < rows; ++row) {
    // What was drafted has the next row as long as it is right. (An error of one choice ends its siblings.)
    // Behind tokens that were certain there is more to compute than a draft.
    if (draft.accepted < row || s.ended || s.job->open_choices == 0 || s.missing() != 1) break;
    send_hidden(s);
    ++s.computed;
    if (!may_go_back) s.fill();
    take_next(s, first.next(row));
    ++taken;
  }
  if (draft.drafted() == 0) return;
  if (may_go_back && !s.ended) settle_state(s, rows, taken);
  if (!s.ended) s.blocks.shrink(s.computed);  // no sequence keeps pages for a draft that was refused
  parts_.meter.observe_draft(draft);
}

// After a draft: a state cannot be taken back to the middle of a chunk. What was accepted of one that was not
// accepted as a whole is computed again from the state before it.
void Harvest::settle_state(Sequence& s, int rows, int taken) {
  if (s.blocks.keeps_draft() && taken > 0) {
    s.blocks.end_draft(s.computed, taken - 1);
  } else if (taken == rows) {
    s.blocks.end_state(s.computed);
  } else {
    s.blocks.drop_state();
    s.computed -= taken;
  }
  s.fill();
}

// The next row's, which is that of position s.computed.
void Harvest::send_hidden(Sequence& s) {
  if (hidden_.empty()) return;
  const std::span<const float> row = hidden_.first(hidden_width_);
  hidden_ = hidden_.subspan(hidden_width_);
  const auto wanted = s.job->request.hidden_states;
  const int first = wanted == Request::HiddenStates::kAll ? 0 : static_cast<int>(s.job->prompt.size()) - 1;
  if (wanted == Request::HiddenStates::kNone || s.computed < std::max(first, s.hidden_sent)) return;
  s.job->sink->push(
      HiddenEvent{.choice = s.choice, .position = s.computed, .values = {row.begin(), row.end()}});
  s.hidden_sent = s.computed + 1;
}

void Harvest::take_next(Sequence& s, const Found& at) {
  if (s.phase == Sequence::Phase::kPrefills) parts_.life.enter(s, Sequence::Phase::kDecodes);
  if (s.began()) return take_draw(s, at);
  EngineStats& stats = parts_.meter.stats();
  s.first_token = computed_;
  s.usage.prompt_seconds = seconds_between(s.job->submitted, s.first_token);
  stats.first_token_seconds.observe(s.usage.prompt_seconds);
  stats.prompt_tokens += s.usage.prompt_tokens;
  if (s.usage.cached_tokens > 0) ++stats.prefix_hits;
  if (const auto chances = std::exchange(s.prompt_chances, nullptr)) s.job->sink->push(chances->event());
  if (s.at_end())
    return parts_.life.finish(s, FinishReason::kMaxTokens);  // max_tokens is 0: only the prompt was requested
  if (s.choice == 0) fork_choices(s, at);
  take_draw(s, at);
}

// The choices of a request share its prompt, which was computed once.
void Harvest::fork_choices(Sequence& first, const Found& at) {
  const Job& job = *first.job;
  for (int choice = 1; choice < job.request.choices; ++choice) {
    auto s = std::make_unique<Sequence>(first.job, choice, first.rank, first.blocks.fork(), parts_.tokenizer);
    s->draft.acceptance = parts_.meter.expected_acceptance();
    s->computed = first.computed;
    s->phase = first.phase;
    s->since = first.since;
    s->admitted = true;
    s->usage = first.usage;
    s->first_token = first.first_token;
    s->hidden_sent = first.hidden_sent;
    take_draw(*s, at.next(choice));
    if (!s->ended) forked_.push_back(std::move(s));
  }
}

void Harvest::place_forks() {
  for (std::unique_ptr<Sequence>& s : forked_) {
    if (static_cast<int>(parts_.roster.running().size()) < max_sequences_) {
      parts_.roster.add_running(std::move(s));
    } else {
      s->recompute();
      parts_.life.enter(*s, Sequence::Phase::kWaits);
      parts_.roster.add_waiting(std::move(s));
    }
  }
  forked_.clear();
}

void Harvest::take_draw(Sequence& s, const Found& at) {
  try {
    const TokenId id = s.answer.take(at.drawn, at.index, s.text().size());
    if (s.draft.next_is(id)) {
      ++s.draft.accepted;
      ++s.usage.accepted_tokens;
      ++parts_.meter.stats().accepted_tokens;
    }
    take_token(s, id);
    take_certain(s);
  } catch (...) {
    end_for_its_logits(s);
  }
}

// Call within a catch clause.
void Harvest::end_for_its_logits(Sequence& s) {
  const ErrorEvent error = current_error();
  s.blocks.forget();  // blocks that gave such logits must not be reused
  parts_.life.end_with(s, error);
}

void Harvest::take_token(Sequence& s, TokenId id) {
  EngineStats& stats = parts_.meter.stats();
  s.tokens.push_back(id);
  if (s.shifts > 0) s.shifted.push_back(id);
  ++s.usage.generated_tokens;
  s.usage.reasoning_tokens += s.reasoning.take(id);
  ++stats.generated_tokens;
  const double before = std::exchange(s.usage.decode_seconds, seconds_between(s.first_token, computed_));
  if (s.usage.generated_tokens > 1) stats.inter_token_seconds.observe(s.usage.decode_seconds - before);
  const std::vector<TokenId>& ends = s.job->facts.ends;
  if (std::find(ends.begin(), ends.end(), id) != ends.end()) {
    s.answer.end_at(id);
    return parts_.life.finish(s, FinishReason::kStop);
  }
  s.answer.push(id);
  if (s.constraint) s.constraint->take(id);
  if (s.answer.stopped()) return parts_.life.finish(s, FinishReason::kStop);
  if (s.constraint && s.constraint->is_over()) return parts_.life.finish(s, FinishReason::kStop);
  if (s.at_end())
    return parts_.life.finish(s, s.usage.generated_tokens == s.job->request.max_tokens
                                     ? FinishReason::kMaxTokens
                                     : FinishReason::kContext);
  if (s.job->shift && s.tokens.size() >= s.job->shift->context) s.shift();
}

// What a grammar leaves no choice about. It is computed with the next step, as a part of a prompt is.
void Harvest::take_certain(Sequence& s) {
  while (s.constraint && !s.ended && s.takes_certain() && !s.constraint->certain().empty())
    take_token(s, s.constraint->certain().front());
}

}  // namespace ferrum
