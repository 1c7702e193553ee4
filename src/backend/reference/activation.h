#pragma once
#include "backend/backend.h"

namespace ferrum {

// out[i] = f(sums[i]) · sums[width + i] for a gated activation, else f(sums[i]); i < width.
void activate(float* out, const float* sums, int width, const Activation& activation);

}  // namespace ferrum
