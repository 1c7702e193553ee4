// Threads that run the parts of one operation in parallel and meet at its end.
//
// Work is split statically: part i of n is the same range whatever the timing. The caller runs part 0 itself.
// Between operations workers spin briefly, because the next operation usually follows at once, then sleep.
// One thread owns the pool and is the only one to call it; bodies must not call it.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/function_ref.h"

namespace ferrum {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

// Part `part` of [0, count), split into `parts` contiguous ranges whose sizes differ by at most one.
constexpr Range part_of(int64_t count, int parts, int part) {
  const int64_t each = count / parts;
  const int64_t longer = count % parts;  // the number of parts with one element more, which come first
  const int64_t begin = part * each + (part < longer ? part : longer);
  return {begin, begin + each + (part < longer ? 1 : 0)};
}

class ThreadPool {
 public:
  // `threads`, at least 1, includes the caller's thread. If the system refuses to create that many, the pool
  // is smaller, with a warning. If the pool fills every core that the process may use, each worker is bound
  // to a core; a smaller pool is left to the scheduler, which knows where other processes run.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end, worker) for each non-empty part of [0, count) and returns when all are done.
  // `worker` is in [0, size()), and each worker runs one part at a time. Never allocates.
  template <class Body>
  void parallel_for(int64_t count, const Body& body) {
    static_assert(std::is_nothrow_invocable_v<const Body&, int64_t, int64_t, int>,
                  "a body is noexcept: an exception could not cross threads");
    if (count <= 0) return;
    if (count == 1 || workers_.empty()) return body(int64_t{0}, count, 0);
    const int parts = count < size() ? static_cast<int>(count) : size();
    run([&](int worker) {
      if (worker >= parts) return;
      const Range range = part_of(count, parts, worker);
      body(range.begin, range.end, worker);
    });
  }

  // Calls body(worker) once for each worker.
  template <class Body>
  void on_each_worker(const Body& body) {
    static_assert(std::is_nothrow_invocable_v<const Body&, int>, "a body is noexcept");
    run([&](int worker) { body(worker); });
  }

 private:
  using Task = FunctionRef<void(int)>;

  void run(Task task);
  void work(int worker);

  alignas(64) std::atomic<uint32_t> working_{0};  // workers that have not finished the current task
  // On one cache line, so that a thread that sees the new epoch gets the task with it.
  alignas(64) std::atomic<uint32_t> epoch_{0};  // counts tasks
  bool stop_ = false;  // stop_ and the task are written by the owner before the epoch changes
  bool may_spin_ = true;
  const Task* task_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace ferrum
