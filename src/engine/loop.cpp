#include "engine/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"

namespace ferrum {
namespace {

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Each choice of a request draws its own numbers; the first those that it would draw alone.
uint64_t seed_of(const Job& job, int choice) {
  return choice == 0 ? job.seed : random_bits(job.seed, ~static_cast<uint64_t>(choice));
}

}  // namespace

Loop::Loop(StepRunner& runner, const Tokenizer* tokenizer, const LoopOptions& options)
    : runner_(runner),
      tokenizer_(tokenizer),
      options_(options),
      cache_(options.cache),
      pace_(options.stretch) {}

void Loop::add(std::shared_ptr<Job> job) {
  job->open_choices = job->request.choices;
  std::unique_ptr<Sequence> s =
      sequence(job, 0, rank_of(job->request.priority, arrivals_++), BlockTable(cache_, job->root));
  s->usage.prompt_tokens = static_cast<int>(job->prompt.size());
  if (at_end(*s)) return finish(*s, FinishReason::kMaxTokens);  // nothing was asked for
  insert(waiting_, std::move(s));
}

std::unique_ptr<Sequence> Loop::sequence(const std::shared_ptr<Job>& job, int choice, int64_t rank,
                                         BlockTable blocks) {
  return std::make_unique<Sequence>(
      job, choice, rank, std::move(blocks),
      Answer(job->request, job->facts, seed_of(*job, choice), tokenizer_, {job->sink, choice}));
}

bool Loop::step() {
  drop_unwanted();
  const bool worked = plan();
  if (worked) {
    run();
    ++stats_.steps;
  }
  sweep();
  return worked;
}

// Ended by their clients or by the clock.
void Loop::drop_unwanted() {
  const auto now = Clock::now();
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
  bool preempted = false;
  while (true) {
    look_at_running();
    SchedulerState state = {.running = views_,
                            .waiting = {},
                            .available_blocks = cache_.pool().available(),
                            .prompt_tokens = pace_.prompt_tokens()};
    if (!waiting_.empty() && !preempted) {
      const Sequence& next = *waiting_.front();
      state.waiting = {.tokens = static_cast<int>(next.tokens.size()),
                       .found = next.blocks.blocks_in_use(next.tokens)};
    }
    decide(options_.limits, state, decision_);
    switch (decision_.kind) {
      case Decision::Kind::kAdmit:
        admit();
        break;
      case Decision::Kind::kPreempt:
        preempt();
        preempted = true;  // whoever waits now does not take the room that was just made
        break;
      case Decision::Kind::kRun:
        reserve_and_collect();
        return !chunks_.empty();
    }
  }
}

void Loop::look_at_running() {
  const int block_tokens = cache_.block_tokens();
  views_.clear();
  for (const std::unique_ptr<Sequence>& s : running_) {
    // What another sequence computed meanwhile need not be computed again.
    if (s->missing() > 1 && static_cast<int>(s->blocks.blocks().size()) * block_tokens == s->computed) {
      const int before = std::exchange(s->computed, s->blocks.match(s->tokens));
      if (!s->resumed) s->usage.cached_tokens += s->computed - before;
      stats_.cached_tokens += s->computed - before;
    }
    const auto held = static_cast<int>(s->blocks.blocks().size());
    views_.push_back({.missing = s->missing(),
                      .computed = s->computed,
                      .blocks = held,
                      .shared = s->blocks.blocks_needed(s->computed, s->computed + 1) > 0 &&
                                s->computed < held * block_tokens});
  }
}

void Loop::admit() {
  std::unique_ptr<Sequence> s = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  insert(running_, std::move(s));
}

void Loop::preempt() {
  check(running_.size() > 1, "a sequence alone has the blocks it needs");
  std::unique_ptr<Sequence> s = std::move(running_.back());
  running_.pop_back();
  s->blocks.release();
  s->computed = 0;
  s->resumed = true;
  ++stats_.preemptions;
  insert(waiting_, std::move(s));
}

void Loop::reserve_and_collect() {
  copies_.clear();
  chunks_.clear();
  scheduled_.clear();
  for (size_t i = 0; i < running_.size(); ++i) {
    const int count = decision_.tokens[i];
    if (count == 0) continue;
    Sequence& s = *running_[i];
    check(s.blocks.reserve(s.computed, s.computed + count, copies_), "the scheduler counted the blocks");
    scheduled_.push_back(i);
    chunks_.push_back(
        {.tokens = std::span(s.tokens).subspan(static_cast<size_t>(s.computed), static_cast<size_t>(count)),
         .position = s.computed,
         .blocks = s.blocks.blocks(),
         .outputs = count == s.missing() ? Outputs::kLast : Outputs::kNone});
  }
}

void Loop::run() {
  const auto begin = Clock::now();
  std::span<const float> logits;
  try {
    runner_.copy_blocks(copies_);
    logits = runner_.step(chunks_);
  } catch (const Error& e) {
    for (const size_t i : scheduled_) end_with(*running_[i], {std::string(name_of(e.code())), e.what()});
    return;
  }

  int decoding = 0;
  int prompt_tokens = 0;
  for (const Chunk& chunk : chunks_) {
    const auto count = static_cast<int>(chunk.tokens.size());
    // A prompt's last token alone costs what any decoded one does.
    if (count == 1 && chunk.outputs == Outputs::kLast)
      ++decoding;
    else
      prompt_tokens += count;
  }
  pace_.observe(Clock::now() - begin, decoding, prompt_tokens);

  const auto vocab = static_cast<size_t>(runner_.vocab());
  for (size_t c = 0; c < chunks_.size(); ++c) {
    Sequence& s = *running_[scheduled_[c]];
    s.computed += static_cast<int>(chunks_[c].tokens.size());
    s.blocks.fill(s.tokens, s.computed);
    if (chunks_[c].outputs == Outputs::kNone) continue;
    // An error of one choice ends its siblings.
    if (s.job->open_choices > 0) take_logits(s, logits.first(vocab));
    logits = logits.subspan(vocab);
  }
  for (std::unique_ptr<Sequence>& s : forked_) {
    if (static_cast<int>(running_.size()) < options_.limits.max_sequences) {
      insert(running_, std::move(s));
    } else {
      s->blocks.release();
      s->computed = 0;
      s->resumed = true;
      insert(waiting_, std::move(s));
    }
  }
  forked_.clear();
}

void Loop::take_logits(Sequence& s, std::span<const float> logits) {
  if (s.began()) return sample(s, logits);
  s.first_token = Clock::now();
  s.usage.prompt_seconds = seconds_between(s.job->submitted, s.first_token);
  stats_.prompt_tokens += s.usage.prompt_tokens;
  if (s.choice == 0) fork_choices(s, logits);
  sample(s, logits);
}

// The choices of a request have the prompt in common, which was computed once.
void Loop::fork_choices(Sequence& first, std::span<const float> logits) {
  Job& job = *first.job;
  for (int choice = 1; choice < job.request.choices; ++choice) {
    std::unique_ptr<Sequence> s = sequence(first.job, choice, first.rank, first.blocks.fork());
    s->computed = first.computed;
    s->usage = first.usage;
    s->first_token = first.first_token;
    sample(*s, logits);
    if (!s->ended) forked_.push_back(std::move(s));
  }
}

void Loop::sample(Sequence& s, std::span<const float> logits) {
  try {
    take_token(s, s.answer.sample(logits, s.tokens, sampling_));
  } catch (const Error& e) {
    s.blocks.forget();  // what gave such logits shall serve nobody else
    end_with(s, {std::string(name_of(e.code())), e.what()});
  }
}

void Loop::take_token(Sequence& s, TokenId id) {
  s.tokens.push_back(id);
  ++s.usage.generated_tokens;
  ++stats_.generated_tokens;
  s.usage.decode_seconds = seconds_between(s.first_token, Clock::now());
  const std::vector<TokenId>& ends = s.job->facts.ends;
  if (std::find(ends.begin(), ends.end(), id) != ends.end()) return finish(s, FinishReason::kStop);
  s.answer.push(id);
  if (s.answer.stopped()) return finish(s, FinishReason::kStop);
  if (at_end(s)) finish(s, s.job->request.max_tokens < 0 ? FinishReason::kContext : FinishReason::kMaxTokens);
}

bool Loop::at_end(const Sequence& s) const { return s.tokens.size() >= s.job->limit; }

void Loop::finish(Sequence& s, FinishReason reason) {
  if (s.ended) return;
  s.answer.finish(reason, s.usage);
  --s.job->open_choices;
  // Choices that have not been told apart yet end together.
  for (int choice = 1; !s.began() && choice < s.job->request.choices; ++choice, --s.job->open_choices)
    s.job->sink->push(FinishEvent{.choice = choice, .reason = reason, .stop = {}, .usage = s.usage});
  if (s.job->open_choices == 0) ++(reason == FinishReason::kCancelled ? stats_.cancelled : stats_.finished);
  close(s);
}

// An error ends the whole request: its other choices end in silence.
void Loop::end_with(Sequence& s, const ErrorEvent& error) {
  if (!s.ended && s.job->open_choices > 0) {
    s.job->sink->push(error);
    s.job->open_choices = 0;
    ++stats_.failed;
  }
  close(s);
}

void Loop::close(Sequence& s) {
  s.ended = true;
  s.blocks.release();
}

void Loop::sweep() {
  const auto is_over = [](const std::unique_ptr<Sequence>& s) {
    return s->ended || s->job->open_choices == 0;
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
