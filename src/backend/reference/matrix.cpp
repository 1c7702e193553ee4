// Products with weights: linear, expand, and the mixture of experts, which consists of both.
#include <vector>

#include "backend/reference/activation.h"
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

void multiply_and_activate(Tensor out, Tensor x, const ReferenceWeight& w, int group,
                           const Activation& activation) {
  check_equal(w.rows(), activation.gated ? 2 * out.cols : out.cols, "rows of an expanding weight");
  std::vector<float> sums(static_cast<size_t>(x.rows) * w.rows());
  multiply({sums.data(), DType::kF32, x.rows, w.rows(), w.rows()}, x, w, group);
  for (int t = 0; t < x.rows; ++t)
    activate(out.at<float>(t), sums.data() + static_cast<size_t>(t) * w.rows(), out.cols, activation);
}

}  // namespace

void ReferenceBackend::linear(Tensor out, Tensor x, const Weight& w) { multiply(out, x, as_reference(w), 0); }

void ReferenceBackend::linear_heads(Tensor out, Tensor x, const Weight& w) {
  check_equal(x.cols, w.groups() * w.cols(), "width of all heads' inputs");
  check_equal(out.cols, w.groups() * w.rows(), "width of all heads' outputs");
  for (int h = 0; h < w.groups(); ++h)
    multiply(out.columns(h * w.rows(), w.rows()), x.columns(h * w.cols(), w.cols()), as_reference(w), h);
}

void ReferenceBackend::linear_chosen(Tensor out, Tensor x, const Weight& w, Tensor matrix) {
  for (int i = 0; i < out.rows; ++i) multiply(out.row(i), x.row(i), as_reference(w), *matrix.at<int32_t>(i));
}

void ReferenceBackend::expand(Tensor out, Tensor x, const Weight& w, const Activation& activation) {
  multiply_and_activate(out, x, as_reference(w), 0, activation);
}

void ReferenceBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up,
                               const Weight& down, const Activation& activation) {
  const int width = down.cols();
  std::vector<float> inner(static_cast<size_t>(width));
  std::vector<float> result(static_cast<size_t>(down.rows()));
  const Tensor inner_row = {inner.data(), DType::kF32, 1, width, width};
  const Tensor result_row = {result.data(), DType::kF32, 1, down.rows(), down.rows()};
  for (int t = 0; t < x.rows; ++t) {
    std::vector<double> sum(static_cast<size_t>(out.cols));
    for (int i = 0; i < routing.expert_ids.cols; ++i) {
      const int e = *routing.expert_ids.at<int32_t>(t, i);
      const double weight = *routing.weights.at<float>(t, i);
      multiply_and_activate(inner_row, x.row(t), as_reference(up), e, activation);
      multiply(result_row, inner_row, as_reference(down), e);
      for (int c = 0; c < out.cols; ++c) sum[c] += weight * result[c];
    }
    for (int c = 0; c < out.cols; ++c) *out.at<float>(t, c) = static_cast<float>(sum[c]);
  }
}

}  // namespace ferrum
