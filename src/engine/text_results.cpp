#include "engine/text_results.h"

#include <algorithm>
#include <cmath>

namespace ferrum {
namespace {

using Scores = TextHeadDescription::Scores;

std::vector<float> softmax(std::span<const float> logits) {
  const float highest = std::ranges::max(logits);
  std::vector<double> powers;
  double sum = 0;
  for (const float x : logits) sum += powers.emplace_back(std::exp(static_cast<double>(x) - highest));
  std::vector<float> scores;
  for (const double power : powers) scores.push_back(static_cast<float>(power / sum));
  return scores;
}

}  // namespace

std::vector<float> finished_embedding(std::span<const float> row, int dimensions, bool normalizes) {
  const size_t count = dimensions > 0 ? static_cast<size_t>(dimensions) : row.size();
  std::vector<float> result(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(count));
  if (!normalizes && count == row.size()) return result;
  double squares = 0;
  for (const float x : result) squares += static_cast<double>(x) * x;
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (float& x : result) x = static_cast<float>(x / length);
  return result;
}

std::vector<float> scores_of(std::span<const float> logits, Scores function) {
  if (function == Scores::kUsual) function = logits.size() == 1 ? Scores::kLogistic : Scores::kSoftmax;
  if (function == Scores::kSoftmax && !logits.empty()) return softmax(logits);
  std::vector<float> scores(logits.begin(), logits.end());
  if (function == Scores::kLogistic)
    for (float& x : scores) x = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x))));
  return scores;
}

}  // namespace ferrum
