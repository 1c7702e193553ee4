// Attention with linear biases: scores fall with the distance (arXiv 2108.12409).
#pragma once
#include <vector>

namespace ferrum {

// The slope of each head: 2^(−8/n), 2^(−16/n), … 2^(−8) of n heads. Where their number is no power of two,
// the largest one below it has slopes so, and the others take the first, third, fifth … of twice as many
// heads.
std::vector<float> alibi_slopes(int heads);

}  // namespace ferrum
