// Embedding vectors in a prompt, beside its tokens.
#pragma once
#include <vector>

#include "text/token.h"

namespace ferrum {

// The positions of a sequence that come as embedding vectors, not as tokens.
struct VectorRows {
  std::vector<int> positions;  // ascending
  std::vector<float> values;   // [positions, hidden]
};
// Stands in a sequence's tokens for a vector: no token of any vocabulary.
inline constexpr TokenId kVectorRow = -1;

}  // namespace ferrum
