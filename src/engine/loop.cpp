#include "engine/loop.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

namespace ferrum {
namespace {

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Each choice of a request has random numbers of its own; the first has those of a request with one choice.
uint64_t seed_of(const Job& job, int choice) {
  return choice == 0 ? job.seed : random_bits(job.seed, ~static_cast<uint64_t>(choice));
}

// The current exception as an event for the requests it concerns. Call within a catch clause. Exceptions that
// cannot be recovered from propagate.
ErrorEvent current_error() {
  try {
    throw;
  } catch (const Error& e) {
    return {std::string(name_of(e.code())), e.what()};
  } catch (const std::bad_alloc&) {
    return {std::string(name_of(ErrorCode::kNoMemory)), "the memory of this machine is used up: try again"};
  }
}

}  // namespace

Loop::Loop(StepRunner& runner, const Tokenizer* tokenizer, const LoopOptions& options, Drafter* drafter)
    : runner_(runner),
      tokenizer_(tokenizer),
      options_(options),
      drafter_(drafter),
      cache_(options.cache),
      pace_(options.stretch),
      draft_pace_(options.limits.max_sequences, options.drafts),
      observer_(options.observer != nullptr ? *options.observer : nobody_) {}

void Loop::add(const std::shared_ptr<Job>& job) {
  job->open_choices = job->request.choices;
  job->number = arrivals_;
  std::unique_ptr<Sequence> s =
      sequence(job, 0, rank_of(job->request.priority, arrivals_++), BlockTable(cache_, job->root));
  s->usage.prompt_tokens = static_cast<int>(job->prompt.size());
  if (job->request.prompt_logprobs)
    s->prompt_chances =
        std::make_unique<PromptChances>(job->prompt, *job->request.prompt_logprobs, tokenizer_);
  else if (at_end(*s))
    return finish(*s, FinishReason::kMaxTokens);  // max_tokens is 0
  insert(waiting_, std::move(s));
}

std::unique_ptr<Sequence> Loop::sequence(const std::shared_ptr<Job>& job, int choice, int64_t rank,
                                         BlockTable blocks) {
  auto s = std::make_unique<Sequence>(
      job, choice, rank, std::move(blocks),
      Answer(job->request, job->facts, seed_of(*job, choice), tokenizer_, {job->sink, choice}));
  s->draft.acceptance = acceptance_.expected_of_another();
  return s;
}

bool Loop::step() {
  observer_.step_began();
  drop_unwanted();
  const bool worked = plan();
  if (worked) {
    run();
    ++stats_.steps;
  }
  sweep();
  if (worked) observer_.step_ended(facts_, stats());
  return worked;
}

// Cancelled by their clients, or past their deadlines.
void Loop::drop_unwanted() {
  const auto now = options_.now();
  for (const Sequences* all : {&waiting_, &running_})
    for (const std::unique_ptr<Sequence>& s : *all) {
      if (s->job->sink->cancelled()) {
        finish(*s, FinishReason::kCancelled);
      } else if (s->job->deadline && now >= *s->job->deadline) {
        end_with(*s, {std::string(name_of(ErrorCode::kDeadline)),
                      fmt::format("not done within {:.1f} s",
                                  seconds_between(s->job->submitted, *s->job->deadline))});
      }
    }
  sweep();
}

bool Loop::plan() {
  ask_for_drafts();
  bool preempted = false;
  while (true) {
    look_at_running();
    SchedulerState state = {.running = views_,
                            .waiting = {},
                            .available_blocks = cache_.pool().available(),
                            .prompt_tokens = pace_.prompt_tokens(crowd_)};
    if (!waiting_.empty() && !preempted) {
      const Sequence& next = *waiting_.front();
      state.waiting = {.tokens = static_cast<int>(next.tokens.size()),
                       .found = next.prompt_chances ? 0 : next.blocks.blocks_in_use(next.tokens)};
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
        draft();
        reserve_and_collect();
        return !chunks_.empty();
    }
  }
}

// Nothing is drafted beside prompts: such a step has no time to spare.
void Loop::ask_for_drafts() {
  for (const std::unique_ptr<Sequence>& s : running_) s->draft.wanted = 0;
  const auto decodes = [](const std::unique_ptr<Sequence>& s) { return s->missing() == 1 && s->began(); };
  const auto sequences = static_cast<int>(running_.size());
  if (!drafter_ || !std::ranges::all_of(running_, decodes) || !draft_pace_.knows(sequences)) return;
  for (const std::unique_ptr<Sequence>& s : running_) {
    // The step yields one token without any draft.
    size_t room = s->job->limit - s->text().size() - 1;
    if (s->job->shift) room = std::min(room, s->job->shift->context - s->tokens.size() - 1);
    const int most = static_cast<int>(std::min(room, static_cast<size_t>(options_.draft_tokens)));
    const std::optional<int> kind = most > 0 ? drafter_->kind(*s) : std::nullopt;
    if (!kind) continue;
    Draft& d = s->draft;
    d.kind = *kind;
    d.wanted = draft_pace_.tokens(d.acceptance.chance(*kind), sequences, most);
    if (d.wanted == 0 && d.acceptance.refuse()) d.wanted = 1;
  }
}

void Loop::look_at_running() {
  const int block_tokens = cache_.block_tokens();
  views_.clear();
  crowd_ = {};
  for (const std::unique_ptr<Sequence>& s : running_) {
    // Blocks that another sequence has computed meanwhile are cache hits, unless their logits are needed.
    if (s->missing() > 1 && !s->prompt_chances &&
        static_cast<int>(s->blocks.blocks().size()) * block_tokens == s->computed) {
      const int before = std::exchange(s->computed, s->blocks.match(s->tokens));
      if (!s->resumed) s->usage.cached_tokens += s->computed - before;
      stats_.cached_tokens += s->computed - before;
    }
    const auto held = static_cast<int>(s->blocks.blocks().size());
    crowd_.decoding += s->missing() == 1;
    views_.push_back({.missing = s->missing(),
                      .computed = s->computed,
                      .blocks = held,
                      .drafted = s->draft.wanted,
                      .every_row = s->prompt_chances != nullptr,
                      .shared = s->computed < held * block_tokens &&
                                s->blocks.blocks_needed(s->computed, s->computed + 1) > 0});
  }
  crowd_.waiting = static_cast<int>(waiting_.size() + running_.size()) - crowd_.decoding;
}

void Loop::admit() {
  std::unique_ptr<Sequence> s = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  s->job->place.reset();
  if (!std::exchange(s->admitted, true)) {
    s->usage.queue_seconds = seconds_between(s->job->submitted, options_.now());
    stats_.queue_seconds.observe(s->usage.queue_seconds);
  }
  enter(*s, Sequence::Phase::kPrefills);
  insert(running_, std::move(s));
}

void Loop::preempt() {
  check(running_.size() > 1, "a sequence alone has the blocks it needs");
  std::unique_ptr<Sequence> s = std::move(running_.back());
  running_.pop_back();
  s->blocks.release();
  s->draft.memory.reset();
  s->draft.wanted = 0;
  s->computed = 0;
  s->resumed = true;
  enter(*s, Sequence::Phase::kWaits);
  ++s->usage.preemptions;
  ++stats_.preemptions;
  insert(waiting_, std::move(s));
}

void Loop::draft() {
  drafting_.clear();
  drafting_time_ = {};
  for (size_t i = 0; i < running_.size(); ++i) {
    Draft& d = running_[i]->draft;
    d.tokens.clear();
    d.accepted = 0;
    if (running_[i]->missing() > 1 || decision_.tokens[i] < 2) continue;
    d.wanted = decision_.tokens[i] - 1;
    decision_.tokens[i] = 1;
    drafting_.push_back(running_[i].get());
  }
  if (drafting_.empty()) return;
  const auto begin = options_.now();
  try {
    drafter_->draft(drafting_);
  } catch (...) {
    log::error("no more drafts: {}", current_error().message);
    for (Sequence* const s : drafting_) s->draft.tokens.clear();
    drafter_ = nullptr;
  }
  drafting_time_ = options_.now() - begin;
}

void Loop::reserve_and_collect() {
  copies_.clear();
  chunks_.clear();
  scheduled_.clear();
  for (size_t i = 0; i < running_.size(); ++i) {
    if (decision_.tokens[i] == 0) continue;
    Sequence& s = *running_[i];
    const int drafted = s.draft.drafted();
    const int count = decision_.tokens[i] + drafted;
    check(s.blocks.reserve(s.computed, s.computed + count, copies_), "the scheduler counted the blocks");
    scheduled_.push_back(i);
    chunks_.push_back({.tokens = drafted > 0
                                     ? std::span<const TokenId>(s.draft.tokens)
                                     : std::span<const TokenId>(s.tokens).subspan(
                                           static_cast<size_t>(s.computed), static_cast<size_t>(count)),
                       .position = s.computed,
                       .blocks = s.blocks.blocks(),
                       .outputs = drafted > 0 || s.prompt_chances ? Outputs::kAll
                                  : count == s.missing()          ? Outputs::kLast
                                                                  : Outputs::kNone,
                       .pages = s.blocks.pages()});
  }
}

void Loop::run() {
  const auto begin = options_.now();
  facts_ = {};
  std::span<const float> logits;
  try {
    runner_.copy_blocks(copies_);
    logits = runner_.step(chunks_);
  } catch (...) {
    const ErrorEvent error = current_error();
    for (const size_t i : scheduled_) end_with(*running_[i], error);
    return;
  }

  observer_.computed();
  stepped_ = options_.now();
  observe(stepped_ - begin);

  const auto vocab = static_cast<size_t>(runner_.vocab());
  for (size_t c = 0; c < chunks_.size(); ++c) {
    Sequence& s = *running_[scheduled_[c]];
    const auto count = chunks_[c].tokens.size();
    const size_t rows = chunks_[c].outputs == Outputs::kAll ? count : chunks_[c].outputs == Outputs::kLast;
    s.computed += static_cast<int>(count - rows);
    if (rows == 0) s.blocks.fill(s.tokens, s.computed);
    const std::span<const float> own = logits.first(rows * vocab);
    take_rows(s, s.prompt_chances ? take_prompt_rows(s, own) : own);
    logits = logits.subspan(rows * vocab);
  }
  for (std::unique_ptr<Sequence>& s : forked_) {
    if (static_cast<int>(running_.size()) < options_.limits.max_sequences) {
      insert(running_, std::move(s));
    } else {
      s->blocks.release();
      s->computed = 0;
      s->resumed = true;
      enter(*s, Sequence::Phase::kWaits);
      insert(waiting_, std::move(s));
    }
  }
  forked_.clear();
}

void Loop::observe(Clock::duration time) {
  int decoding = 0;
  int drafted = 0;
  int prompt_tokens = 0;
  for (size_t c = 0; c < chunks_.size(); ++c) {
    const auto count = static_cast<int>(chunks_[c].tokens.size());
    const int of_draft = running_[scheduled_[c]]->draft.drafted();
    // The last token of a prompt, if it is alone in its chunk, costs as much as a decoded token.
    if (count == 1 + of_draft && chunks_[c].outputs != Outputs::kNone) {
      ++decoding;
      drafted += of_draft;
    } else {
      prompt_tokens += count;
    }
  }
  facts_ = {.sequences = static_cast<int>(chunks_.size()),
            .tokens = decoding + drafted + prompt_tokens,
            .prompt_tokens = prompt_tokens};
  stats_.step_sequences.observe(facts_.sequences);
  stats_.step_tokens.observe(facts_.tokens);
  if (drafted == 0) pace_.observe(time, {.decoding = decoding, .waiting = crowd_.waiting}, prompt_tokens);
  if (prompt_tokens == 0)
    draft_pace_.observe(
        {.model = time, .drafting = drafting_time_, .sequences = decoding, .drafted = drafted});
}

std::span<const float> Loop::take_prompt_rows(Sequence& s, std::span<const float> logits) {
  const auto vocab = static_cast<size_t>(runner_.vocab());
  try {
    for (; !logits.empty() && s.missing() > 1; logits = logits.subspan(vocab), ++s.computed)
      s.prompt_chances->take(static_cast<size_t>(s.computed), logits.first(vocab), sampling_);
    s.blocks.fill(s.tokens, s.computed);
  } catch (...) {
    end_for_its_logits(s);
  }
  return logits;
}

void Loop::take_rows(Sequence& s, std::span<const float> logits) {
  const auto vocab = static_cast<size_t>(runner_.vocab());
  Draft& draft = s.draft;
  s.usage.drafted_tokens += draft.drafted();
  stats_.drafted_tokens += draft.drafted();
  for (int row = 0; !logits.empty(); logits = logits.subspan(vocab), ++row) {
    // What was drafted has the next row as long as it is right. (An error of one choice ends its siblings.)
    if (draft.accepted < row || s.ended || s.job->open_choices == 0) break;
    ++s.computed;
    s.blocks.fill(s.tokens, s.computed);
    take_logits(s, logits.first(vocab));
  }
  if (draft.drafted() == 0) return;
  if (!s.ended) s.blocks.shrink(s.computed);  // no sequence keeps pages for a draft that was refused
  for (Acceptance* const a : {&draft.acceptance, &acceptance_})
    a->observe(draft.kind, draft.drafted(), draft.accepted);
}

void Loop::take_logits(Sequence& s, std::span<const float> logits) {
  if (s.phase == Sequence::Phase::kPrefills) enter(s, Sequence::Phase::kDecodes);
  if (s.began()) return sample(s, logits);
  s.first_token = stepped_;
  s.usage.prompt_seconds = seconds_between(s.job->submitted, s.first_token);
  stats_.first_token_seconds.observe(s.usage.prompt_seconds);
  stats_.prompt_tokens += s.usage.prompt_tokens;
  if (s.usage.cached_tokens > 0) ++stats_.prefix_hits;
  if (const auto chances = std::exchange(s.prompt_chances, nullptr)) s.job->sink->push(chances->event());
  if (at_end(s))
    return finish(s, FinishReason::kMaxTokens);  // max_tokens is 0: only the prompt was requested
  if (s.choice == 0) fork_choices(s, logits);
  sample(s, logits);
}

// The choices of a request share its prompt, which was computed once.
void Loop::fork_choices(Sequence& first, std::span<const float> logits) {
  Job& job = *first.job;
  for (int choice = 1; choice < job.request.choices; ++choice) {
    std::unique_ptr<Sequence> s = sequence(first.job, choice, first.rank, first.blocks.fork());
    s->computed = first.computed;
    s->phase = first.phase;
    s->since = first.since;
    s->admitted = true;
    s->usage = first.usage;
    s->first_token = first.first_token;
    sample(*s, logits);
    if (!s->ended) forked_.push_back(std::move(s));
  }
}

void Loop::sample(Sequence& s, std::span<const float> logits) {
  try {
    const TokenId id = s.answer.sample(logits, s.text(), sampling_);
    if (s.draft.next_is(id)) {
      ++s.draft.accepted;
      ++s.usage.accepted_tokens;
      ++stats_.accepted_tokens;
    }
    take_token(s, id);
  } catch (...) {
    end_for_its_logits(s);
  }
}

// Call within a catch clause.
void Loop::end_for_its_logits(Sequence& s) {
  const ErrorEvent error = current_error();
  s.blocks.forget();  // blocks that gave such logits must not be reused
  end_with(s, error);
}

void Loop::take_token(Sequence& s, TokenId id) {
  s.tokens.push_back(id);
  if (s.shifts > 0) s.shifted.push_back(id);
  ++s.usage.generated_tokens;
  s.usage.reasoning_tokens += s.reasoning.has(id);
  ++stats_.generated_tokens;
  const double before = std::exchange(s.usage.decode_seconds, seconds_between(s.first_token, stepped_));
  if (s.usage.generated_tokens > 1) stats_.inter_token_seconds.observe(s.usage.decode_seconds - before);
  const std::vector<TokenId>& ends = s.job->facts.ends;
  if (std::find(ends.begin(), ends.end(), id) != ends.end()) {
    s.answer.end_at(id);
    return finish(s, FinishReason::kStop);
  }
  s.answer.push(id);
  if (s.answer.stopped()) return finish(s, FinishReason::kStop);
  if (at_end(s))
    return finish(s, s.usage.generated_tokens == s.job->request.max_tokens ? FinishReason::kMaxTokens
                                                                           : FinishReason::kContext);
  if (s.job->shift && s.tokens.size() >= s.job->shift->context) shift(s);
}

void Loop::enter(Sequence& s, Sequence::Phase phase) {
  observer_.phase_ended(s);
  s.phase = phase;
  s.since = options_.now();
}

bool Loop::at_end(const Sequence& s) const { return s.text().size() >= s.job->limit; }

// The model then reads the shortened text from the start, as if that were the prompt.
void Loop::shift(Sequence& s) {
  if (s.shifts++ == 0) s.shifted = s.tokens;
  const size_t keep = s.job->shift->keep;
  const size_t dropped = (s.tokens.size() - keep + 1) / 2;
  const auto from = s.tokens.begin() + static_cast<std::ptrdiff_t>(keep);
  s.tokens.erase(from, from + static_cast<std::ptrdiff_t>(dropped));
  s.usage.shifted_tokens += static_cast<int>(dropped);
  s.blocks.release();
  s.draft.memory.reset();
  s.computed = 0;
  s.resumed = true;  // what it finds in the cache is no part of its prompt
}

void Loop::finish(Sequence& s, FinishReason reason) {
  if (s.ended) return;
  s.usage.total_seconds = seconds_between(s.job->submitted, options_.now());
  if (!s.admitted) s.usage.queue_seconds = s.usage.total_seconds;
  s.answer.finish(reason, s.usage);
  --s.job->open_choices;
  // Choices that have not been forked yet end together.
  for (int choice = 1; !s.began() && choice < s.job->request.choices; ++choice, --s.job->open_choices)
    s.job->sink->push(FinishEvent{.choice = choice, .reason = reason, .stop = {}, .usage = s.usage});
  if (s.job->open_choices == 0) {
    if (reason == FinishReason::kCancelled) {
      ++stats_.cancelled;
    } else {
      ++stats_.finished;
      stats_.request_seconds.observe(s.usage.total_seconds);
    }
  }
  close(s);
}

// An error ends the whole request: its other choices end without an event.
void Loop::end_with(Sequence& s, const ErrorEvent& error) {
  if (!s.ended && s.job->open_choices > 0) {
    s.job->sink->push(error);
    s.job->open_choices = 0;
    ++stats_.failed;
  }
  close(s);
}

void Loop::close(Sequence& s) {
  if (std::exchange(s.ended, true)) return;
  s.blocks.release();
  s.draft.memory.reset();
  observer_.phase_ended(s);
}

void Loop::sweep() {
  const auto is_over = [&](const std::unique_ptr<Sequence>& s) {
    if (s->job->open_choices == 0) close(*s);
    return s->ended;
  };
  std::erase_if(waiting_, is_over);
  std::erase_if(running_, is_over);
}

void Loop::fail_all(const ErrorEvent& error) {
  for (const Sequences* all : {&waiting_, &running_})
    for (const std::unique_ptr<Sequence>& s : *all) end_with(*s, error);
  sweep();
}

void Loop::insert(Sequences& into, std::unique_ptr<Sequence> s) {
  const auto at = std::upper_bound(into.begin(), into.end(), s->rank,
                                   [](int64_t rank, const auto& other) { return rank > other->rank; });
  into.insert(at, std::move(s));
}

const EngineStats& Loop::stats() {
  stats_.waiting = waiting();
  stats_.running = static_cast<int>(running_.size());
  stats_.used_blocks = cache_.pool().used();
  stats_.cached_blocks = cache_.pool().idle();
  stats_.free_blocks = cache_.pool().free();
  return stats_;
}

}  // namespace ferrum
