#include "models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace ferrum {
namespace {

constexpr double kTau = 2 * std::numbers::pi;

// theta^(-2i / dim)
std::vector<double> plain(double theta, int dim) {
  std::vector<double> radians(static_cast<size_t>(dim / 2));
  for (size_t i = 0; i < radians.size(); ++i)
    radians[i] = std::pow(theta, -2.0 * static_cast<double>(i) / dim);
  return radians;
}

// The base grows with the ratio of the context to the trained one ("NTK-aware" scaling).
std::vector<double> dynamic(const RopeDescription& rope, int capacity) {
  const RopeScaling& s = rope.scaling;
  const double trained = s.original_context;
  const double length = std::max<double>(capacity, trained);
  const double dim = rope.rotary_dim;
  const double grown = rope.theta * std::pow(s.factor * length / trained - (s.factor - 1), dim / (dim - 2));
  return plain(grown, rope.rotary_dim);
}

// How much of a wave stays that turns so often over the trained context. The two limits may be one (Llama 4
// Scout).
double llama3_share(const RopeScaling& s, double turns) {
  const double low = s.low_frequency_factor, high = s.high_frequency_factor;
  if (high <= low) return turns >= low ? 1 : 0;
  return std::clamp((turns - low) / (high - low), 0.0, 1.0);
}

// Long waves are stretched by the factor, short ones stay, those between are blended.
void scale_llama3(std::vector<double>& radians, const RopeScaling& s) {
  for (double& r : radians) {
    const double turns = s.original_context * r / kTau;  // over the trained context
    const double blend = llama3_share(s, turns);
    r = (1 - blend) * r / s.factor + blend * r;
  }
}

// The dimension whose wave turns `turns` times over the trained context.
double yarn_dimension(const RopeDescription& rope, double turns) {
  return rope.rotary_dim * std::log(rope.scaling.original_context / (turns * kTau)) /
         (2 * std::log(rope.theta));
}

void scale_yarn(std::vector<double>& radians, const RopeDescription& rope) {
  const RopeScaling& s = rope.scaling;
  double low = yarn_dimension(rope, s.beta_fast);
  double high = yarn_dimension(rope, s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rope.rotary_dim - 1.0);
  if (low == high) high += 0.001;  // as the paper's code does, to avoid a division by zero
  for (size_t i = 0; i < radians.size(); ++i) {
    const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    radians[i] *= interpolated / s.factor + (1 - interpolated);
  }
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1;
}

float magnitude(const RopeScaling& s, int capacity) {
  if (s.short_attention_factor && capacity <= s.original_context) return *s.short_attention_factor;
  if (s.attention_factor) return *s.attention_factor;
  switch (s.kind) {
    case RopeScaling::Kind::kYarn:
      if (s.mscale.value_or(0) != 0 && s.mscale_all_dim.value_or(0) != 0)
        return static_cast<float>(yarn_magnitude(s.factor, *s.mscale) /
                                  yarn_magnitude(s.factor, *s.mscale_all_dim));
      return static_cast<float>(yarn_magnitude(s.factor, 1));
    case RopeScaling::Kind::kLongRope:
      return s.factor <= 1
                 ? 1.0f
                 : static_cast<float>(std::sqrt(1 + std::log(s.factor) / std::log(s.original_context)));
    default:
      return 1;
  }
}

void divide(std::vector<double>& radians, const std::vector<float>& divisors) {
  check_equal(divisors.size(), radians.size(), "one divisor per rotated pair");
  for (size_t i = 0; i < radians.size(); ++i) radians[i] /= divisors[i];
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeDescription& rope, int capacity) {
  const RopeScaling& s = rope.scaling;
  std::vector<double> radians =
      s.kind == RopeScaling::Kind::kDynamic ? dynamic(rope, capacity) : plain(rope.theta, rope.rotary_dim);
  switch (s.kind) {
    case RopeScaling::Kind::kNone:
    case RopeScaling::Kind::kDynamic:
      break;
    case RopeScaling::Kind::kLinear:
      for (double& r : radians) r /= s.factor;
      break;
    case RopeScaling::Kind::kLlama3:
      scale_llama3(radians, s);
      break;
    case RopeScaling::Kind::kYarn:
      scale_yarn(radians, rope);
      break;
    case RopeScaling::Kind::kLongRope:
      divide(radians, capacity > s.original_context ? s.long_factors : s.short_factors);
      break;
  }
  if (!rope.frequency_divisors.empty()) divide(radians, rope.frequency_divisors);
  return {{radians.begin(), radians.end()}, magnitude(s, capacity)};
}

std::vector<float> rope_table(const RopeFrequencies& frequencies, int positions) {
  const size_t half = frequencies.radians.size();
  std::vector<float> table(static_cast<size_t>(positions) * 2 * half);
  for (int p = 0; p < positions; ++p) {
    float* row = table.data() + static_cast<size_t>(p) * 2 * half;
    for (size_t i = 0; i < half; ++i) {
      // The product is rounded to float32 as it is where these models are trained.
      const float angle = static_cast<float>(p) * frequencies.radians[i];
      row[i] = std::cos(angle) * frequencies.magnitude;
      row[half + i] = std::sin(angle) * frequencies.magnitude;
    }
  }
  return table;
}

}  // namespace ferrum
