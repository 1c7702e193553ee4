// The thread of an engine: it owns the loop and what lies below. Clients' threads put jobs into its inbox,
// and visit it between two steps.
#pragma once
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backend/backend.h"
#include "base/function_ref.h"
#include "engine/local/device_watch.h"
#include "engine/local/queue_places.h"
#include "engine/local/watchdog.h"
#include "engine/loop/loop.h"

namespace ferrum {

class EngineThread {
 public:
  struct Options {
    int queue = 0;             // places
    double stall_seconds = 0;  // after which a step is reported
  };
  // What the loop works with. All of it outlives this.
  struct Parts {
    StepRunner& steps;
    Backend& backend;                          // that the steps use
    const Tokenizer* tokenizer;                // or null
    Drafter* drafter;                          // or null
    std::function<void()> between_steps = {};  // called on the thread, often
    const DeviceReport* device = nullptr;      // of the backend, if it has a device of its own
  };
  // Error kBadArgument for stall_seconds that is not positive.
  EngineThread(const Parts& parts, const LoopOptions& loop, const Options& options);
  // Jobs that are left end with an error.
  ~EngineThread();

  // For any thread:

  // As QueuePlaces::take.
  std::shared_ptr<void> place_in_queue() { return places_.take(); }
  void count_refused(int64_t requests);
  // Jobs wait in the inbox until wake(), so that several may be sent at once.
  void send(const std::shared_ptr<Job>& job);
  void wake() { arrived_.notify_one(); }
  // Runs `work` on this thread between two steps, and waits for it. Throws what it throws; Error kUnavailable
  // where the engine is closing.
  void between_steps(FunctionRef<void()> work);
  EngineStats stats() const;

  PrefixCache& cache() { return loop_->cache(); }  // only between steps

 private:
  struct Visit {
    FunctionRef<void()> work;
    std::promise<void> done;
  };
  static void receive(Visit& visit);
  void work(const std::stop_token& stop);
  // Before it waits for jobs: sends the events that are left.
  void rest();
  // Takes what is in the inbox over to the loop.
  void receive_jobs();
  std::string state() const;  // for people
  void deliver();

  Backend& backend_;
  std::function<void()> between_steps_;  // or none
  QueuePlaces places_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<WatchedRunner> watched_;
  std::unique_ptr<Loop> loop_;  // the thread's alone, as the next
  DeviceWatch device_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any arrived_;
  std::vector<std::shared_ptr<Job>> inbox_;
  std::vector<Visit> visits_;
  EngineStats stats_;  // as of the last events
  int64_t refused_ = 0;

  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace ferrum
