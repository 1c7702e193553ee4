// Rotary positions, the paged KV cache, and attention over it.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "backend/reference/reference_backend.h"
#include "base/check.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

// Element `col` of a row of pages; `scales` belong to pages of bytes, one for each `head_dim` of them.
float load(const Tensor& t, const Tensor& scales, int row, int col, int head_dim) {
  switch (t.dtype) {
    case DType::kF16:
      return float_from_f16(*t.at<uint16_t>(row, col));
    case DType::kBF16:
      return float_from_bf16(*t.at<uint16_t>(row, col));
    case DType::kI8:
      return *scales.at<float>(row, col / head_dim) * static_cast<float>(*t.at<int8_t>(row, col));
    default:
      return *t.at<float>(row, col);
  }
}

// One token's values of one head, from column `col` on.
void store(const Tensor& t, const Tensor& scales, int row, int col, std::span<const float> values) {
  const int head_dim = static_cast<int>(values.size());
  float inverse = 0;
  if (t.dtype == DType::kI8) {
    float largest = 0;
    for (const float v : values) largest = std::isnan(v) ? v : std::max(largest, std::abs(v));
    *scales.at<float>(row, col / head_dim) = largest / 127;
    if (std::isfinite(largest) && largest > 0) inverse = 127 / largest;
  }
  for (const float value : values) {
    switch (t.dtype) {
      case DType::kF16:
        *t.at<uint16_t>(row, col++) = f16_from_float(value);
        break;
      case DType::kBF16:
        *t.at<uint16_t>(row, col++) = bf16_from_float(value);
        break;
      case DType::kI8:
        *t.at<int8_t>(row, col++) = inverse == 0 ? 0 : static_cast<int8_t>(std::nearbyint(value * inverse));
        break;
      default:
        *t.at<float>(row, col++) = value;
    }
  }
}

void normalize_head(float* head, const Tensor& weight, int dim, float eps) {
  if (weight.empty()) return;
  double squares = 0;
  for (int i = 0; i < dim; ++i) squares += static_cast<double>(head[i]) * head[i];
  const double scale = 1.0 / std::sqrt(squares / dim + eps);
  for (int i = 0; i < dim; ++i) head[i] = static_cast<float>(head[i] * scale) * *weight.at<float>(0, i);
}

// Rotates the pair (a, b) of frequency i by the angle of `position`.
void rotate_head(float* head, const Rope& rope, int position) {
  check(position < rope.cos_sin.rows, "position within the rotation table");
  const int half = rope.cos_sin.cols / 2;
  for (int i = 0; i < half; ++i) {
    const float cosine = *rope.cos_sin.at<float>(position, i);
    const float sine = *rope.cos_sin.at<float>(position, half + i);
    float& a = head[rope.pairing == RopePairing::kHalves ? i : 2 * i];
    float& b = head[rope.pairing == RopePairing::kHalves ? i + half : 2 * i + 1];
    const float rotated_a = a * cosine - b * sine;
    b = a * sine + b * cosine;
    a = rotated_a;
  }
}

// The row of the pages that holds position `p` of sequence `s`.
int slot_of(const Step& step, const KvLayer& kv, int s, int p) {
  return *step.block_table.at<int32_t>(s, p / kv.page_tokens) * kv.page_tokens + p % kv.page_tokens;
}

}  // namespace

void ReferenceBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, heads.qkv_width(), "width of q, k and v");
  for (int t = 0; t < step.shape.tokens; ++t) {
    const int position = *step.positions.at<int32_t>(t);
    const int slot = *step.kv_slots.at<int32_t>(t);
    for (int h = 0; h < heads.q_heads + heads.kv_heads; ++h) {
      float* head = qkv.at<float>(t, h * heads.head_dim);
      normalize_head(head, h < heads.q_heads ? layer.q_norm : layer.k_norm, heads.head_dim, layer.norm_eps);
      rotate_head(head, layer.rope, position);
    }
    for (int c = 0; c < heads.kv_width(); c += heads.head_dim) {
      const float* k = qkv.at<float>(t, heads.q_width() + c);
      const auto dim = static_cast<size_t>(heads.head_dim);
      store(kv.k, kv.k_scales, slot, c, {k, dim});
      store(kv.v, kv.v_scales, slot, c, {k + heads.kv_width(), dim});
    }
  }
}

void ReferenceBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step,
                              const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  const int group = heads.q_heads / heads.kv_heads;  // q heads that share one k and v
  std::vector<double> scores;
  for (int s = 0; s < step.shape.sequences; ++s) {
    for (int t = *step.query_start.at<int32_t>(s); t < *step.query_start.at<int32_t>(s + 1); ++t) {
      const int position = *step.positions.at<int32_t>(t);
      const int first = layer.window > 0 ? std::max(0, position - layer.window + 1) : 0;
      for (int h = 0; h < heads.q_heads; ++h) {
        const float* q = qkv.at<float>(t, h * heads.head_dim);
        const int kv_column = h / group * heads.head_dim;

        scores.clear();
        for (int p = first; p <= position; ++p) {
          double product = 0;
          for (int i = 0; i < heads.head_dim; ++i)
            product += static_cast<double>(q[i]) *
                       load(kv.k, kv.k_scales, slot_of(step, kv, s, p), kv_column + i, heads.head_dim);
          scores.push_back(product * layer.scale);
        }
        const double largest = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double& score : scores) sum += score = std::exp(score - largest);

        for (int i = 0; i < heads.head_dim; ++i) {
          double value = 0;
          for (int p = first; p <= position; ++p)
            value += scores[p - first] *
                     load(kv.v, kv.v_scales, slot_of(step, kv, s, p), kv_column + i, heads.head_dim);
          *out.at<float>(t, h * heads.head_dim + i) = static_cast<float>(value / sum);
        }
      }
    }
  }
}

}  // namespace ferrum
