#include "base/thread_pool.h"

#include <chrono>
#include <system_error>

#include "base/check.h"
#include "base/log.h"
#include "base/machine.h"

namespace ferrum {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than the gaps between the operations of a step, but too short to matter to people or power meters.
constexpr auto kSpinTime = std::chrono::microseconds(100);
constexpr int kPausesPerLookAtTheClock = 8;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `value` differs from `old`; returns false after kSpinTime.
bool spin_while(const std::atomic<uint32_t>& value, uint32_t old) {
  const auto deadline = Clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerLookAtTheClock; ++i) {
      if (value.load(std::memory_order_acquire) != old) return true;
      pause();
    }
  } while (Clock::now() < deadline);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  check(threads >= 1, "a pool has at least the caller's thread");
  const std::vector<int> cpus = allowed_cpus();
  // With more threads than CPUs, a spinning thread would take the CPU that the thread it waits for needs.
  may_spin_ = threads <= static_cast<int>(cpus.size());
  std::vector<std::vector<int>> places = places_for(threads, ranked_cores(cpus));
  workers_.reserve(static_cast<size_t>(threads) - 1);
  try {
    for (int worker = 1; worker < threads; ++worker)
      workers_.emplace_back([this, worker, own = std::move(places[static_cast<size_t>(worker)])] {
        bind_this_thread(own);
        work(worker);
      });
  } catch (const std::system_error& error) {
    log::warn("only {} of {} threads could be created ({}): slower, with the same results", size(), threads,
              error.code().message());
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Task task) {
  if (!workers_.empty()) {
    check(working_.load(std::memory_order_relaxed) == 0,
          "one thread uses a pool, and not from within a body");
    task_ = &task;
    working_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
    epoch_.fetch_add(1);
    epoch_.notify_all();  // no system call if no thread sleeps
  }
  task(0);
  uint32_t left = working_.load(std::memory_order_acquire);
  while (left != 0) {
    if (!may_spin_ || !spin_while(working_, left)) working_.wait(left, std::memory_order_acquire);
    left = working_.load(std::memory_order_acquire);
  }
}

void ThreadPool::work(int worker) {
  uint32_t seen = 0;
  while (true) {
    if (!may_spin_ || !spin_while(epoch_, seen)) epoch_.wait(seen, std::memory_order_acquire);
    if (epoch_.load(std::memory_order_acquire) == seen) continue;
    ++seen;  // the owner waits for every worker before the next task, so no task is skipped
    if (stop_) return;
    (*task_)(worker);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
  }
}

}  // namespace ferrum
