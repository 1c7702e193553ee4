#include "engine/event_queue.h"

#include <utility>

namespace ferrum {

void EventQueue::push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<ErrorEvent>(event)) open_choices_ = 0;
    if (std::holds_alternative<FinishEvent>(event)) --open_choices_;
    events_.push_back(std::move(event));
  }
  pushed_.notify_one();
}

size_t EventQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

std::optional<Event> EventQueue::next() {
  std::unique_lock lock(mutex_);
  pushed_.wait(lock, [&] { return !events_.empty() || open_choices_ == 0; });
  if (events_.empty()) return std::nullopt;
  return events_.pop_front();
}

}  // namespace ferrum
