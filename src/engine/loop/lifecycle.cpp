#include "engine/loop/lifecycle.h"

#include <utility>

namespace ferrum {

void Lifecycle::enter(Sequence& s, Sequence::Phase phase) {
  observer_.phase_ended(s);
  s.phase = phase;
  s.since = now_();
}

void Lifecycle::preempt(Sequence& s) {
  s.recompute();
  s.draft.wanted = 0;
  enter(s, Sequence::Phase::kWaits);
  ++s.usage.preemptions;
  ++stats_.preemptions;
}

void Lifecycle::finish(Sequence& s, FinishReason reason) {
  if (s.ended) return;
  s.usage.total_seconds = seconds_between(s.job->submitted, now_());
  if (!s.admitted) s.usage.queue_seconds = s.usage.total_seconds;
  s.answer.finish(reason, s.usage);
  if (s.job->adapter) s.job->adapter->counts->generated_tokens += s.usage.generated_tokens;
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

void Lifecycle::end_with(Sequence& s, const ErrorEvent& error) {
  if (!s.ended && s.job->open_choices > 0) {
    s.job->sink->push(error);
    s.job->open_choices = 0;
    ++stats_.failed;
  }
  close(s);
}

bool Lifecycle::is_over(Sequence& s) {
  if (s.job->open_choices == 0) close(s);
  return s.ended;
}

void Lifecycle::close(Sequence& s) {
  if (std::exchange(s.ended, true)) return;
  s.blocks.release();
  s.draft.memory.reset();
  observer_.phase_ended(s);
}

}  // namespace ferrum
