// What a request may ask for.
#pragma once
#include "ferrum/types.h"

namespace ferrum {

// Error kBadArgument naming the parameter and its range (fault B42).
void validate(const SamplingOptions& options);

// The same for all of a request but its prompt, whose tokens and stop strings are looked at where they are
// used. `vocab`: token ids are 0 … vocab − 1 (fault B43).
void validate(const Request& request, int vocab);

}  // namespace ferrum
