// The jobs of an engine for texts, and which of their texts make the next step. Works on times that it is
// given, so that tests need no clock.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/function_ref.h"
#include "engine/answer.h"
#include "engine/loop/sequence.h"
#include "engine/text_inputs.h"
#include "ferrum/types.h"

namespace ferrum {

// A request whose texts are tokens and whose parameters are valid.
struct TextJob {
  TextRequest request;  // without its texts
  std::vector<TextTokens> texts;
  std::shared_ptr<EventSink> sink;
  std::shared_ptr<void> place;  // in the queue, until the job is over
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> begun;  // in its first step
  std::optional<Clock::time_point> deadline;

  size_t next = 0;  // texts before this one are computed, or in the present step
  size_t tokens = 0;
  bool over = false;  // its last event was sent

  bool wants_states() const { return request.result == TextRequest::Result::kStates; }
};

class TextQueue {
 public:
  using Jobs = std::vector<std::shared_ptr<TextJob>>;

  // A text of a step.
  struct Part {
    std::shared_ptr<TextJob> job;
    size_t text = 0;
  };

  void add(std::shared_ptr<TextJob> job) { jobs_.push_back(std::move(job)); }
  // Takes out those that `is_unwanted` and those that are over.
  Jobs take(FunctionRef<bool(const TextJob&)> is_unwanted);

  // A text of each job in turn, as long as they fit, from the job that waits longest: a long request holds
  // back none of the others. All want states, or none does. `fits` is given numbers of texts and of tokens,
  // and a single text fits always.
  std::vector<Part> next_step(FunctionRef<bool(size_t texts, size_t tokens)> fits);

  size_t jobs() const { return jobs_.size(); }
  bool empty() const { return jobs_.empty(); }

 private:
  std::deque<std::shared_ptr<TextJob>> jobs_;
};

}  // namespace ferrum
