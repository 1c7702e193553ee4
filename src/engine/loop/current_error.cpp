#include "engine/loop/current_error.h"

#include <fmt/core.h>

#include <new>

#include "backend/device_report.h"

namespace ferrum {

ErrorEvent event_of(const Error& error) { return {std::string(name_of(error.code())), error.what()}; }

ErrorEvent deadline_error(Clock::time_point submitted, Clock::time_point deadline) {
  return {std::string(name_of(ErrorCode::kDeadline)),
          fmt::format("not done within {:.1f} s", seconds_between(submitted, deadline))};
}

ErrorEvent current_error() {
  try {
    throw;
  } catch (const DeviceLost& e) {
    return {"device_lost", e.what()};
  } catch (const Error& e) {
    return event_of(e);
  } catch (const std::bad_alloc&) {
    return {std::string(name_of(ErrorCode::kNoMemory)), "the memory of this machine is used up: try again"};
  }
}

}  // namespace ferrum
