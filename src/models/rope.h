// Rotary position embedding: the table of cosines and sines for a model's description.
#pragma once
#include <vector>

#include "checkpoint/model_description.h"
#include "tensor/format.h"

namespace ferrum {

// Radians per position of each rotated pair, [rotary_dim / 2], with the scaling applied; and the factor of
// cos and sin. Formulas: RoPE (arXiv 2104.09864), position interpolation (2306.15595), YaRN (2309.00071),
// LongRoPE (2402.13753), Llama 3.1's by its reference code.
struct RopeFrequencies {
  std::vector<float> radians;
  float magnitude = 1;
};

// `capacity` is the longest context that will be used. Dynamic NTK and LongRoPE choose their frequencies by
// the length of the text; to keep a token's result independent of how long the text later becomes, we choose
// once, by the capacity.
RopeFrequencies rope_frequencies(const RopeDescription& rope, int capacity);

// [positions, rotary_dim] row-major: rotary_dim / 2 cosines, then as many sines.
std::vector<float> rope_table(const RopeFrequencies& frequencies, int positions);

}  // namespace ferrum
