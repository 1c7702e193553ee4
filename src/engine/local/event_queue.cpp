#include "engine/local/event_queue.h"

#include <utility>

#include "engine/loop/current_error.h"

namespace ferrum {

void EventQueue::push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<ErrorEvent>(event)) open_choices_ = 0;
    if (std::holds_alternative<FinishEvent>(event)) --open_choices_;
    const bool first = events_.empty();
    events_.push_back(std::move(event));
    if (first && on_event_) on_event_();
  }
  pushed_.notify_one();
}

size_t EventQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

std::optional<Event> EventQueue::poll() {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? std::nullopt : std::optional(events_.pop_front());
}

bool EventQueue::over() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() && open_choices_ == 0;
}

void EventQueue::subscribe(std::function<void()> on_event) {
  const std::lock_guard lock(mutex_);
  on_event_ = std::move(on_event);
  if (on_event_ && !events_.empty()) on_event_();
}

std::optional<Event> EventQueue::next() {
  std::unique_lock lock(mutex_);
  pushed_.wait(lock, [&] { return !events_.empty() || open_choices_ == 0; });
  if (events_.empty()) return std::nullopt;
  return events_.pop_front();
}

std::unique_ptr<EventStream> refused(const Error& error) {
  const auto queue = std::make_shared<EventQueue>(1);
  queue->push(event_of(error));
  return std::make_unique<QueuedStream>(queue);
}

}  // namespace ferrum
