#include "hub/back_off.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"

namespace ferrum::hub {
namespace {

using std::chrono::milliseconds;

double seconds(milliseconds time) { return static_cast<double>(time.count()) / 1000; }

void sleep(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

void BackOff::wait(const std::string& what, const Failure& failure, const std::stop_token& stop) {
  if (stop.stop_requested()) return;
  ++failures_;
  if (failures_ >= policy_.tries)
    fail(ErrorCode::kIo,
         "{}: {}, {} times in a row; the part received so far is kept: run the same command to resume", what,
         failure.why, failures_);
  if (failure.retry_after && *failure.retry_after > policy_.longest_retry_after)
    fail(ErrorCode::kIo, "{}: {}, with a Retry-After of {:.0f} s: run the same command then to resume", what,
         failure.why, seconds(*failure.retry_after));
  const milliseconds usual = std::min(policy_.longest, policy_.first * (1 << std::min(failures_ - 1, 16)));
  const milliseconds pause = failure.retry_after.value_or(usual);
  if (notify_)
    notify_(fmt::format("{}: {}; trying again in {:.3g} s ({} of {})", what, failure.why, seconds(pause),
                        failures_ + 1, policy_.tries));
  sleep(milliseconds(static_cast<int64_t>(static_cast<double>(pause.count()) * policy_.time)), stop);
}

}  // namespace ferrum::hub
