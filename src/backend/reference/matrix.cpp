// Products with weights: linear, swiglu, and the mixture of experts that is made of both.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "backend/reference/reference_backend.h"
#include "backend/reference/reference_weight.h"
#include "base/check.h"

namespace ferrum {
namespace {

float dot(const float* a, const float* b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

float silu(float x) { return x / (1.0f + std::exp(-x)); }

// out[t] = x[t] · wᵀ + bias for matrix `group` of w. A row is decoded once for all of the batch.
void multiply(Tensor out, Tensor x, const ReferenceWeight& w, int group) {
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  std::vector<float> row(static_cast<size_t>(w.cols()));
  for (int r = 0; r < w.rows(); ++r) {
    w.decode_row(group, r, row.data());
    for (int t = 0; t < x.rows; ++t)
      *out.at<float>(t, r) = dot(row.data(), x.at<float>(t), w.cols()) + w.bias(group, r);
  }
}

void gated(Tensor out, Tensor x, const ReferenceWeight& gate_up, int group) {
  const int width = gate_up.rows() / 2;
  check_equal(out.cols, width, "swiglu width");
  std::vector<float> both(static_cast<size_t>(x.rows) * gate_up.rows());
  multiply({both.data(), DType::kF32, x.rows, gate_up.rows(), gate_up.rows()}, x, gate_up, group);
  for (int t = 0; t < x.rows; ++t) {
    const float* gate = both.data() + static_cast<size_t>(t) * gate_up.rows();
    for (int i = 0; i < width; ++i) *out.at<float>(t, i) = silu(gate[i]) * gate[width + i];
  }
}

}  // namespace

void ReferenceBackend::linear(Tensor out, Tensor x, const Weight& w) { multiply(out, x, as_reference(w), 0); }

void ReferenceBackend::swiglu(Tensor out, Tensor x, const Weight& gate_up) {
  gated(out, x, as_reference(gate_up), 0);
}

void ReferenceBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const int experts = router_logits.cols;
  std::vector<double> p(static_cast<size_t>(experts));
  std::vector<int> order(p.size());
  for (int t = 0; t < router_logits.rows; ++t) {
    const float* logits = router_logits.at<float>(t);
    const float largest = *std::max_element(logits, logits + experts);
    double sum = 0;
    for (int e = 0; e < experts; ++e) sum += p[e] = std::exp(static_cast<double>(logits[e]) - largest);
    for (double& x : p) x /= sum;

    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
    double chosen = 0;
    for (int i = 0; i < rule.top_k; ++i) chosen += p[order[i]];
    for (int i = 0; i < rule.top_k; ++i) {
      *out.expert_ids.at<int32_t>(t, i) = order[i];
      *out.weights.at<float>(t, i) =
          static_cast<float>(rule.renormalize ? p[order[i]] / chosen : p[order[i]]);
    }
  }
}

void ReferenceBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& gate_up,
                               const Weight& down) {
  const int width = gate_up.rows() / 2;
  std::vector<float> inner(static_cast<size_t>(width));
  std::vector<float> result(static_cast<size_t>(down.rows()));
  const Tensor inner_row = {inner.data(), DType::kF32, 1, width, width};
  const Tensor result_row = {result.data(), DType::kF32, 1, down.rows(), down.rows()};
  for (int t = 0; t < x.rows; ++t) {
    std::vector<double> sum(static_cast<size_t>(out.cols));
    for (int i = 0; i < routing.expert_ids.cols; ++i) {
      const int e = *routing.expert_ids.at<int32_t>(t, i);
      const double weight = *routing.weights.at<float>(t, i);
      gated(inner_row, x.row(t), as_reference(gate_up), e);
      multiply(result_row, inner_row, as_reference(down), e);
      for (int c = 0; c < out.cols; ++c) sum[c] += weight * result[c];
    }
    for (int c = 0; c < out.cols; ++c) *out.at<float>(t, c) = static_cast<float>(sum[c]);
  }
}

}  // namespace ferrum
