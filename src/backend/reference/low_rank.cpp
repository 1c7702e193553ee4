// What adapters add to products.
#include "backend/reference/activation.h"
#include "backend/reference/reference_backend.h"
#include "base/check.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

float element(const Tensor& t, int row, int col) {
  switch (t.dtype) {
    case DType::kF16:
      return float_from_f16(*t.at<uint16_t>(row, col));
    case DType::kBF16:
      return float_from_bf16(*t.at<uint16_t>(row, col));
    default:
      check(t.dtype == DType::kF32, "matrices of low rank are floats");
      return *t.at<float>(row, col);
  }
}

// body(row, what its adapter adds, its scale)
template <class Body>
void each_part(const LowRanks& adapters, const AdapterRows& rows, int count, const Body& body) {
  for (int t = 0; t < count; ++t) {
    const int slot = *rows.slots.at<int32_t>(t);
    if (slot < 0) continue;
    const int index = rows.matrix.empty() ? slot : slot * rows.matrices + *rows.matrix.at<int32_t>(t);
    check(index < static_cast<int>(adapters.size()), "a slot of an adapter");
    for (const LowRank& part : adapters[static_cast<size_t>(index)])
      body(t, part, *rows.scales.at<float>(t) * part.scale);
  }
}

// out[first + j] += scale · Σ_r b[r, j] · z(r)
template <class Inner>
void add_part(Tensor out, int t, const LowRank& part, float scale, int width, const Inner& z) {
  if (part.b.empty()) {
    for (int j = 0; j < width; ++j) *out.at<float>(t, part.first + j) += scale * z(j);
    return;
  }
  check(part.first >= 0 && part.first + part.b.cols <= out.cols, "columns of the output");
  check_equal(part.b.rows, width, "the rank of an adapter's matrices");
  for (int j = 0; j < part.b.cols; ++j) {
    double sum = 0;
    for (int r = 0; r < width; ++r) sum += static_cast<double>(element(part.b, r, j)) * z(r);
    *out.at<float>(t, part.first + j) += static_cast<float>(scale * sum);
  }
}

}  // namespace

void ReferenceBackend::activate(Tensor out, Tensor x, const Activation& activation) {
  check_equal(x.cols, activation.gated ? 2 * out.cols : out.cols, "columns before an activation");
  for (int t = 0; t < x.rows; ++t) ferrum::activate(out.at<float>(t), x.at<float>(t), out.cols, activation);
}

void ReferenceBackend::add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                                    Tensor) {
  each_part(adapters, rows, x.rows, [&](int t, const LowRank& part, float scale) {
    if (part.a.empty())
      return add_part(out, t, part, scale, part.b.rows,
                      [&](int r) { return *x.at<float>(t, part.from + r); });
    check(part.from + part.a.cols <= x.cols, "input width of an adapter");
    add_part(out, t, part, scale, part.a.rows, [&](int r) {
      double sum = 0;
      for (int i = 0; i < part.a.cols; ++i)
        sum += static_cast<double>(element(part.a, r, i)) * *x.at<float>(t, part.from + i);
      return static_cast<float>(sum);
    });
  });
}

void ReferenceBackend::add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                              const AdapterRows& rows) {
  each_part(adapters, rows, out.rows, [&](int t, const LowRank& part, float scale) {
    const int token = *tokens.at<int32_t>(t);
    check(token >= 0 && token < part.a.rows, "a row of an adapter's table");
    add_part(out, t, part, scale, part.a.cols, [&](int r) { return element(part.a, token, r); });
  });
}

}  // namespace ferrum
