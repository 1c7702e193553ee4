// Exceptions as events.
#pragma once
#include "ferrum/types.h"

namespace ferrum {

// The current exception as an event for the requests it concerns. Call within a catch clause. Exceptions that
// cannot be recovered from propagate.
ErrorEvent current_error();

}  // namespace ferrum
