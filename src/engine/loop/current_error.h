// Errors as events.
#pragma once
#include "base/error.h"
#include "engine/loop/sequence.h"
#include "ferrum/types.h"

namespace ferrum {

ErrorEvent event_of(const Error& error);
// The current exception as an event for the requests it concerns. Call within a catch clause. Exceptions that
// cannot be recovered from propagate.
ErrorEvent current_error();
// Of a request that was submitted then and was not done at its deadline.
ErrorEvent deadline_error(Clock::time_point submitted, Clock::time_point deadline);

}  // namespace ferrum
