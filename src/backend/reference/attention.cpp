// Rotary positions, the KV cache in blocks, and attention over it.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "backend/reference/norm.h"
#include "backend/reference/reference_backend.h"
#include "base/check.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

// One head of one slot in the blocks.
struct BlockHead {
  DType dtype;
  void* first;   // dimension
  int step;      // elements from one dimension to the next
  float* scale;  // of bytes, else null

  float load(int dimension) const {
    const int64_t i = int64_t{dimension} * step;
    switch (dtype) {
      case DType::kF16:
        return float_from_f16(static_cast<const uint16_t*>(first)[i]);
      case DType::kBF16:
        return float_from_bf16(static_cast<const uint16_t*>(first)[i]);
      case DType::kI8:
        return *scale * static_cast<float>(static_cast<const int8_t*>(first)[i]);
      default:
        return static_cast<const float*>(first)[i];
    }
  }

  void store(std::span<const float> values) const {
    float inverse = 0;
    if (dtype == DType::kI8) {
      float largest = 0;
      for (const float v : values) largest = std::isnan(v) ? v : std::max(largest, std::abs(v));
      *scale = largest / 127;
      if (std::isfinite(largest) && largest > 0) inverse = 127 / largest;
    }
    int64_t i = 0;
    for (const float value : values) {
      switch (dtype) {
        case DType::kF16:
          static_cast<uint16_t*>(first)[i] = f16_from_float(value);
          break;
        case DType::kBF16:
          static_cast<uint16_t*>(first)[i] = bf16_from_float(value);
          break;
        case DType::kI8:
          static_cast<int8_t*>(first)[i] =
              inverse == 0 ? 0 : static_cast<int8_t>(std::nearbyint(value * inverse));
          break;
        default:
          static_cast<float*>(first)[i] = value;
      }
      i += step;
    }
  }
};

BlockHead key_at(const KvLayer& kv, int slot, int head, const HeadShape& heads) {
  const int column = head * heads.head_dim * kv.block_tokens + slot % kv.block_tokens;
  return {kv.k.dtype, kv.k.address(slot / kv.block_tokens, column), kv.block_tokens,
          kv.k_scales.empty() ? nullptr : kv.k_scales.at<float>(slot, head)};
}

BlockHead value_at(const KvLayer& kv, int slot, int head, const HeadShape& heads) {
  return {kv.v.dtype, kv.v.address(slot, head * heads.value_size()), 1,
          kv.v_scales.empty() ? nullptr : kv.v_scales.at<float>(slot, head)};
}

// The heads of q, or those of k, of one token.
struct Heads {
  float* first;
  int count;
  int dim;

  float* head(int h) const { return first + h * dim; }
  int width() const { return count * dim; }
};

void normalize_heads(const Heads& heads, const Norm& norm) {
  check(norm.kind != Norm::Kind::kLayer || norm.weight.cols == heads.width(),
        "a norm of heads by mean and variance is of all of them");
  if (norm.weight.cols == heads.width() && heads.count > 1)
    return normalize(heads.first, heads.first, heads.width(), norm);
  for (int h = 0; h < heads.count; ++h) normalize(heads.head(h), heads.head(h), heads.dim, norm);
}

// Rotates the pair (a, b) of frequency i by the angle of `position`.
void rotate_head(float* head, const Rope& rope, int position) {
  if (rope.cos_sin.empty()) return;
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

// The slot that holds position `p` of sequence `s`.
int slot_of(const Step& step, const KvLayer& kv, int s, int p) {
  return *step.kv[static_cast<size_t>(kv.group)].block_table.at<int32_t>(s, p / kv.block_tokens) *
             kv.block_tokens +
         p % kv.block_tokens;
}

void clip(float* values, int count, float limit) {
  if (limit > 0)
    for (int i = 0; i < count; ++i) values[i] = std::clamp(values[i], -limit, limit);
}

void prepare_heads(const Heads& heads, const Norm& norm, const AttentionLayer& layer, int position) {
  if (!layer.norm_last) normalize_heads(heads, norm);
  clip(heads.head(0), heads.count * heads.dim, layer.clip);
  for (int h = 0; h < heads.count; ++h) rotate_head(heads.head(h), layer.rope, position);
  if (layer.norm_last) normalize_heads(heads, norm);
}

double temperature_at(const AttentionLayer::Temperature& t, int position) {
  if (t.length == 0) return 1;
  return 1 + t.beta * std::log(std::floor((position + t.offset) / static_cast<double>(t.length)) + 1);
}

int width_of_qkv(const AttentionLayer& layer) {
  return layer.shares_kv ? layer.heads.q_width() : layer.heads.qkv_width();
}

struct Seen {
  int first, last;
};

Seen seen_from(int position, int context, const AttentionLayer& layer) {
  if (layer.causal) {
    const int within = layer.window == 0 ? 0
                       : layer.chunked   ? position / layer.window * layer.window
                                         : std::max(0, position - layer.window + 1);
    return {std::min(std::max(within, layer.first), position), position};
  }
  if (layer.window == 0) return {0, context - 1};
  return {std::max(0, position - layer.window / 2), std::min(context - 1, position + layer.window / 2)};
}

double capped(double score, double cap) { return cap == 0 ? score : cap * std::tanh(score / cap); }

}  // namespace

void ReferenceBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  for (int t = 0; t < step.shape.tokens; ++t) {
    const int position = *step.positions.at<int32_t>(t);
    float* const row = qkv.at<float>(t);
    prepare_heads({row, heads.q_heads, heads.head_dim}, layer.q_norm, layer, position);
    const double temperature = temperature_at(layer.temperature, position);
    const auto scale_part = [&](int first, int count) {
      for (int i = first; i < first + count; ++i) row[i] = static_cast<float>(row[i] * temperature);
    };
    scale_part(0, heads.q_width());
    if (layer.shares_kv) continue;
    scale_part(heads.q_width() + heads.k_width() + heads.v_width(), heads.joined_width());

    float* const k = row + heads.q_width();
    float* const v = k + heads.k_width();
    clip(v, heads.v_width(), layer.clip);
    normalize_heads({v, heads.kv_heads, heads.value_size()}, layer.v_norm);
    prepare_heads({k, heads.kv_heads, heads.head_dim}, layer.k_norm, layer, position);
    const int slot = *step.kv[static_cast<size_t>(kv.group)].slots.at<int32_t>(t);
    const auto key_dim = static_cast<size_t>(heads.head_dim);
    const auto value_dim = static_cast<size_t>(heads.value_size());
    for (int h = 0; h < heads.kv_heads; ++h) {
      key_at(kv, slot, h, heads).store({k + h * key_dim, key_dim});
      value_at(kv, slot, h, heads).store({v + h * value_dim, value_dim});
    }
  }
}

void ReferenceBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step,
                              const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  check_equal(out.cols, heads.out_width(), "attention width");
  const int group = heads.q_heads / heads.kv_heads;  // q heads that share one k and v
  std::vector<double> scores;
  for (int s = 0; s < step.shape.sequences; ++s) {
    for (int t = *step.query_start.at<int32_t>(s); t < *step.query_start.at<int32_t>(s + 1); ++t) {
      const int position = *step.positions.at<int32_t>(t);
      const auto [first, last] = seen_from(position, *step.context_len.at<int32_t>(s), layer);
      for (int h = 0; h < heads.q_heads; ++h) {
        const float* q = qkv.at<float>(t, h * heads.head_dim);
        const float* joined =
            heads.joined ? qkv.at<float>(t, heads.qkv_width() - heads.joined_width() + h * heads.value_size())
                         : nullptr;
        const auto slot_at = [&](int p) { return slot_of(step, kv, s, p); };

        scores.clear();
        for (int p = first; p <= last; ++p) {
          const BlockHead key = key_at(kv, slot_at(p), h / group, heads);
          double product = 0;
          for (int i = 0; i < heads.head_dim; ++i) product += static_cast<double>(q[i]) * key.load(i);
          for (int i = 0; joined != nullptr && i < heads.value_size(); ++i)
            product += static_cast<double>(joined[i]) * value_at(kv, slot_at(p), h / group, heads).load(i);
          const double slope = layer.slopes.empty() ? 0 : *layer.slopes.at<float>(0, h);
          scores.push_back(capped(product * layer.scale, layer.soft_cap) - slope * std::abs(p - position));
        }
        double largest = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        if (!layer.sinks.empty()) {
          const double sink = *layer.sinks.at<float>(0, h);
          largest = std::max(largest, sink);
          sum = std::exp(sink - largest);
        }
        for (double& score : scores) sum += score = std::exp(score - largest);

        for (int i = 0; i < heads.value_size(); ++i) {
          double value = 0;
          for (int p = first; p <= last; ++p)
            value += scores[p - first] * value_at(kv, slot_at(p), h / group, heads).load(i);
          *out.at<float>(t, h * heads.value_size() + i) =
              static_cast<float>(layer.value_scale * (value / sum));
        }
      }
    }
  }
}

}  // namespace ferrum
