// Validation of requests.
#pragma once
#include "ferrum/types.h"

namespace ferrum {

// Throws kBadArgument naming the parameter and its range (fault B42).
void validate(const SamplingOptions& options);

// The same for all of a request except its prompt and stop strings, which are checked where they are used.
// `vocab`: token ids are 0 … vocab − 1 (fault B43).
void validate(const Request& request, int vocab);

}  // namespace ferrum
