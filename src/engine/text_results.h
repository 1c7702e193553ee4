// From what a model computes of a text to what its reader gets.
#pragma once
#include <span>
#include <vector>

#include "checkpoint/model_description.h"

namespace ferrum {

// The first `dimensions` numbers of an embedding (0: all), of length 1 where it is normalised or shortened.
// REQUIRES: dimensions ≤ row.size().
std::vector<float> finished_embedding(std::span<const float> row, int dimensions, bool normalizes);

// The scores of labels that belong to their logits.
std::vector<float> scores_of(std::span<const float> logits, TextHeadDescription::Scores function);

}  // namespace ferrum
