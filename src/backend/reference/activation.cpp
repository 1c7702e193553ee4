#include "backend/reference/activation.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace ferrum {
namespace {

using Kind = Activation::Kind;

float silu(float x) { return x / (1.0f + std::exp(-x)); }

double gelu(double x) { return x / 2 * (1 + std::erf(x * std::sqrt(0.5))); }

double gelu_tanh(double x) {
  const double scale = std::sqrt(2 / 3.14159265358979323846);
  return x / 2 * (1 + std::tanh(scale * (x + 0.044715 * x * x * x)));
}

double relu_squared(double x) { return x < 0 ? 0 : x * x; }  // a NaN stays

double xielu(double x, const Activation& a) {
  if (x > 0) return a.positive * x * x + a.beta * x;
  const double limited = x > a.limit ? a.limit : x;
  return (std::expm1(limited) - x) * a.negative + a.beta * x;
}

float clamped_silu(double gate, double up, const Activation& a) {
  const double limit = a.limit;
  const double g = gate > limit ? limit : gate;
  const double u = std::clamp(up, -limit, limit);
  return static_cast<float>(g / (1 + std::exp(-a.alpha * g)) * (u + 1));
}

float limited_silu(float gate, float up, const Activation& a) {
  const float g = silu(gate);
  return (g > a.limit ? a.limit : g) * std::clamp(up, -a.limit, a.limit);
}

float apply(float x, const Activation& a) {
  switch (a.kind) {
    case Kind::kSilu:
      return silu(x);
    case Kind::kGelu:
      return static_cast<float>(gelu(x));
    case Kind::kGeluTanh:
      return static_cast<float>(gelu_tanh(x));
    case Kind::kReluSquared:
      return static_cast<float>(relu_squared(x));
    case Kind::kXielu:
      return static_cast<float>(xielu(x, a));
    case Kind::kScaledSilu:
      return silu(a.alpha * x);
    case Kind::kClampedSilu:
      break;
  }
  check(false, "a clamped silu is gated");
  return 0;
}

}  // namespace

void activate(float* out, const float* sums, int width, const Activation& activation) {
  for (int i = 0; i < width; ++i) {
    if (!activation.gated)
      out[i] = apply(sums[i], activation);
    else if (activation.kind == Kind::kClampedSilu)
      out[i] = clamped_silu(sums[i], sums[width + i], activation);
    else if (activation.kind == Kind::kSilu && activation.limit > 0)
      out[i] = limited_silu(sums[i], sums[width + i], activation);
    else
      out[i] = apply(sums[i], activation) * sums[width + i];
  }
}

}  // namespace ferrum
