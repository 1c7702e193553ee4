#include "engine/local/text_queue.h"

#include <utility>

namespace ferrum {

TextQueue::Jobs TextQueue::take(FunctionRef<bool(const TextJob&)> is_unwanted) {
  Jobs taken;
  std::erase_if(jobs_, [&](const std::shared_ptr<TextJob>& job) {
    if (job->over) return true;
    if (!is_unwanted(*job)) return false;
    taken.push_back(job);
    return true;
  });
  return taken;
}

std::vector<TextQueue::Part> TextQueue::next_step(FunctionRef<bool(size_t texts, size_t tokens)> fits) {
  std::vector<Part> parts;
  if (jobs_.empty()) return parts;
  const bool states = jobs_.front()->wants_states();
  size_t tokens = 0;
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (const std::shared_ptr<TextJob>& job : jobs_) {
      if (job->wants_states() != states || job->next == job->texts.size()) continue;
      const size_t of_text = job->texts[job->next].tokens.size();
      if (!parts.empty() && !fits(parts.size() + 1, tokens + of_text)) continue;
      tokens += of_text;
      parts.push_back({job, job->next++});
      goes_on = true;
    }
  }
  // Who came first now comes last, so that the rest of the step is another's.
  jobs_.push_back(std::move(jobs_.front()));
  jobs_.pop_front();
  return parts;
}

}  // namespace ferrum
