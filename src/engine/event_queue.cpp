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

std::optional<Event> EventQueue::next() {
  std::unique_lock lock(mutex_);
  pushed_.wait(lock, [&] { return !events_.empty() || open_choices_ == 0; });
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace ferrum
