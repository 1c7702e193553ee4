#include "hub/back_off.h"

#include <fmt/format.h>

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
  if (failures_ >= patience_.tries)
    fail(ErrorCode::kIo, "{}: {}, {} times in a row; what came so far is kept: the same command goes on",
         what, failure.why, failures_);
  if (failure.asked && *failure.asked > patience_.most_asked)
    fail(ErrorCode::kIo, "{}: {}, and asks to wait {:.0f} s: the same command goes on then", what,
         failure.why, seconds(*failure.asked));
  const milliseconds usual =
      std::min(patience_.longest, patience_.first * (1 << std::min(failures_ - 1, 16)));
  const milliseconds pause = failure.asked.value_or(usual);
  if (notify_)
    notify_(fmt::format("{}: {}; trying again in {:.3g} s ({} of {})", what, failure.why, seconds(pause),
                        failures_ + 1, patience_.tries));
  sleep(milliseconds(static_cast<int64_t>(static_cast<double>(pause.count()) * patience_.time)), stop);
}

}  // namespace ferrum::hub
