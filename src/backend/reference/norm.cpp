#include "backend/reference/norm.h"

#include <cmath>

namespace ferrum {
namespace {

float weight_of(const Norm& norm, int i) { return norm.weight.empty() ? 1.0f : *norm.weight.at<float>(0, i); }
float bias_of(const Norm& norm, int i) { return norm.bias.empty() ? 0.0f : *norm.bias.at<float>(0, i); }

void divide_by_rms(float* out, const float* x, int n, const Norm& norm) {
  double squares = 0;
  for (int i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(squares / n + norm.eps);
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(x[i] * scale) * weight_of(norm, i);
}

void divide_by_deviation(float* out, const float* x, int n, const Norm& norm) {
  double mean = 0;
  for (int i = 0; i < n; ++i) mean += x[i];
  mean /= n;
  double variance = 0;
  for (int i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance /= n;
  const double scale = 1.0 / std::sqrt(variance + norm.eps);
  for (int i = 0; i < n; ++i)
    out[i] = static_cast<float>((x[i] - mean) * scale) * weight_of(norm, i) + bias_of(norm, i);
}

}  // namespace

void normalize(float* out, const float* x, int n, const Norm& norm) {
  switch (norm.kind) {
    case Norm::Kind::kNone:
      for (int i = 0; i < n; ++i) out[i] = x[i];
      break;
    case Norm::Kind::kRms:
      divide_by_rms(out, x, n, norm);
      break;
    case Norm::Kind::kLayer:
      divide_by_deviation(out, x, n, norm);
      break;
  }
}

}  // namespace ferrum
