// Scratch memory for sampling: one for each thread that samples, independent of the sequences. Grows once
// with the vocabulary and the longest window; after that a draw allocates nothing.
#pragma once
#include <vector>

#include "engine/sampling/candidates.h"
#include "engine/sampling/logit_row.h"
#include "engine/sampling/token_counts.h"

namespace ferrum {

struct SamplerMemory {
  LogitRow row;
  std::vector<float> logits;  // [vocab] after bias and penalties
  Candidates candidates;
  TokenCounts counts;
  std::vector<int> matches;  // [window]
};

}  // namespace ferrum
