// The thread of an engine for texts: it owns the encoder. Clients' threads put jobs into its inbox.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/local/device_watch.h"
#include "engine/local/queue_places.h"
#include "engine/local/text_queue.h"
#include "engine/local/watchdog.h"
#include "engine/text_encoder.h"
#include "ferrum/engine.h"

namespace ferrum {

class TextThread {
 public:
  struct Options {
    int queue = 0;                         // jobs at a time
    double stall_seconds = 0;              // after which a step is reported
    const DeviceReport* device = nullptr;  // of the backend, if it has a device of its own
  };
  // The encoder outlives this. Error kBadArgument for stall_seconds that is not positive.
  TextThread(TextEncoder& encoder, const Options& options);
  // Jobs that are left end with an error.
  ~TextThread();

  // For any thread:

  // As QueuePlaces::take.
  std::shared_ptr<void> place_in_queue() { return places_.take(); }
  // Error kQueueFull where too many tokens wait.
  void send(std::shared_ptr<TextJob> job);
  void count_refused();
  EngineStats stats() const;

 private:
  void work(const std::stop_token& stop);
  void receive();
  // Ends those that were cancelled or are past their deadlines.
  void drop_unwanted();
  void compute(const std::vector<TextQueue::Part>& parts);
  // Sends what was made of a part: `rows` of it.
  void deliver(const TextQueue::Part& part, std::span<const float> values);
  void finish(TextJob& job, FinishReason reason);
  void fail(TextJob& job, const ErrorEvent& error);
  std::string state() const;  // for people
  // Who reads a last event finds it counted, and a lost device known, so events are sent when the counts are
  // there for other threads.
  void publish();

  TextEncoder& encoder_;
  QueuePlaces places_;
  std::unique_ptr<Watchdog> watchdog_;
  TextQueue queue_;  // the thread's alone, as the next three
  EngineStats counted_;
  DeviceWatch device_;
  std::vector<std::pair<std::shared_ptr<EventSink>, Event>> outbox_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any arrived_;
  std::vector<std::shared_ptr<TextJob>> inbox_;
  EngineStats stats_;
  int64_t refused_ = 0;
  size_t waiting_tokens_ = 0;  // of all jobs that are not over

  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace ferrum
