#include "loadgen/answer_reader.h"

#include "base/error.h"
#include "loadgen/openai.h"

namespace ferrum::loadgen {

void AnswerReader::take(std::string_view bytes, double time) {
  if (done_ || sample_.failure) return;
  try {
    events_.feed(bytes, [&](std::string_view data) { take_event(data, time); });
  } catch (const Error& e) {
    fail({"malformed", e.what()}, time);
  }
}

void AnswerReader::take_event(std::string_view data, double time) {
  if (done_ || sample_.failure) return;
  if (data == "[DONE]") {
    done_ = true;
    sample_.end = time;
    return;
  }
  const AnswerPart part = read_part(data);
  if (part.error) return fail({"error event", *part.error}, time);
  if (part.has_text) {
    if (sample_.chunks == 0)
      sample_.first = time;
    else
      sample_.gaps.push_back(time - sample_.last);
    sample_.last = time;
    ++sample_.chunks;
  }
  finished_ |= part.finished;
  if (part.usage) {
    sample_.counted_by = Sample::CountedBy::kUsage;
    sample_.prompt_tokens = part.usage->prompt;
    sample_.cached_tokens = part.usage->cached;
    sample_.output_tokens = part.usage->output;
  }
}

void AnswerReader::fail(Failure failure, double time) {
  if (done_ || sample_.failure) return;
  sample_.failure = std::move(failure);
  sample_.end = time;
}

Sample AnswerReader::finish(double time) {
  if (!done_ && !finished_) fail({"disconnect", "the stream ended before the response was complete"}, time);
  if (!done_ && !sample_.failure) sample_.end = time;
  if (sample_.counted_by == Sample::CountedBy::kChunks) sample_.output_tokens = sample_.chunks;
  if (!sample_.failure && sample_.chunks == 0) sample_.failure = {"empty", "a response without text"};
  return std::move(sample_);
}

}  // namespace ferrum::loadgen
