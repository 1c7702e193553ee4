// The events of one request between the loop's thread and their reader.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/ring.h"
#include "engine/loop/sequence.h"
#include "ferrum/engine.h"

namespace ferrum {

class EventQueue final : public EventSink {
 public:
  explicit EventQueue(int choices) : open_choices_(choices) {}

  void push(Event event) override;
  bool cancelled() const override { return cancelled_.load(std::memory_order_relaxed); }

  // Waits for the next; nothing after the last.
  std::optional<Event> next();
  std::optional<Event> poll();
  bool over() const;
  // As EventStream::subscribe. Called with the queue locked.
  void subscribe(std::function<void()> on_event);
  // Events that next() gives at once.
  size_t waiting() const;
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;
  mutable std::mutex mutex_;
  std::condition_variable pushed_;
  Ring<Event> events_;
  std::function<void()> on_event_;
  int open_choices_;  // whose last event was not pushed yet
};

class QueuedStream final : public EventStream {
 public:
  explicit QueuedStream(std::shared_ptr<EventQueue> queue) : queue_(std::move(queue)) {}
  ~QueuedStream() override {
    queue_->subscribe({});
    queue_->cancel();
  }
  QueuedStream(const QueuedStream&) = delete;
  QueuedStream& operator=(const QueuedStream&) = delete;

  std::optional<Event> next() override { return queue_->next(); }
  std::optional<Event> poll() override { return queue_->poll(); }
  bool over() const override { return queue_->over(); }
  void subscribe(std::function<void()> on_event) override { queue_->subscribe(std::move(on_event)); }
  void cancel() override { queue_->cancel(); }

 private:
  std::shared_ptr<EventQueue> queue_;
};

// The stream of a request that was refused: this error alone.
std::unique_ptr<EventStream> refused(const Error& error);

}  // namespace ferrum
