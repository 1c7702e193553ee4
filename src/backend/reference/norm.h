#pragma once
#include "backend/backend.h"

namespace ferrum {

// A row of n elements, or one head; `out` may be `x`.
void normalize(float* out, const float* x, int n, const Norm& norm);

}  // namespace ferrum
