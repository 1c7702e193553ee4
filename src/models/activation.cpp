#include "models/activation.h"

#include <cmath>

#include "base/check.h"

namespace ferrum {
namespace {

float softplus(float x) { return std::log1p(std::exp(x)); }

}  // namespace

Activation activation_of(const ModelDescription& model, const FeedForwardDescription& f) {
  Activation a = {.gated = model.gated, .limit = model.activation_limit, .alpha = model.activation_alpha};
  switch (model.activation) {
    case ActivationFunction::kSilu:
      a.kind = Activation::Kind::kSilu;
      break;
    case ActivationFunction::kGelu:
      a.kind = Activation::Kind::kGelu;
      break;
    case ActivationFunction::kGeluTanh:
      a.kind = Activation::Kind::kGeluTanh;
      break;
    case ActivationFunction::kReluSquared:
      a.kind = Activation::Kind::kReluSquared;
      break;
    case ActivationFunction::kClampedSilu:
      a.kind = Activation::Kind::kClampedSilu;
      break;
    case ActivationFunction::kScaledSilu:
      a.kind = Activation::Kind::kScaledSilu;
      break;
    case ActivationFunction::kXielu:  // stored before softplus
      a.kind = Activation::Kind::kXielu;
      a.positive = softplus(f.xielu_positive);
      a.negative = f.xielu_beta + softplus(f.xielu_negative);
      a.beta = f.xielu_beta;
      a.limit = f.xielu_limit;
      break;
  }
  return a;
}

Activation limited(Activation activation, float limit) {
  if (limit == 0) return activation;
  check(activation.kind == Activation::Kind::kSilu && activation.gated,
        "only a gated silu has a layer's limit");
  activation.limit = limit;
  return activation;
}

}  // namespace ferrum
