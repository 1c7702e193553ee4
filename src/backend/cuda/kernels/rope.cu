// Norms, clipping, rotation and temperature of q and k, and keys and values into their slots.
#include "backend/cuda/kernels/functions.h"
#include "backend/cuda/kernels/kv.h"

using namespace ferrum::cuda;

namespace {

GPU_FN float clipped(float x, float limit) {
  return limit == 0 ? x : x < -limit ? -limit : x > limit ? limit : x;
}

// A head that one warp works on: its pairs of rotation, and what is not rotated.
struct Head {
  float* x;
  int dim, half, neighbours;

  GPU_FN int first_of(int pair) const { return neighbours != 0 ? 2 * pair : pair; }
  GPU_FN int second_of(int pair) const { return neighbours != 0 ? 2 * pair + 1 : pair + half; }
  // body(i) for each element that this lane works on, in every pass the same.
  template <class Body>
  GPU_FN void each(const Body& body) const {
    for (int i = gpu::lane(); i < half; i += 32) {
      body(first_of(i));
      body(second_of(i));
    }
    for (int i = 2 * half + gpu::lane(); i < dim; i += 32) body(i);
  }
  GPU_FN float squares() const {
    float sum = 0;
    each([&](int i) { sum += x[i] * x[i]; });
    return sum;
  }
  GPU_FN float sum() const {
    float sum = 0;
    each([&](int i) { sum += x[i]; });
    return sum;
  }
  // Of the distances from the mean.
  GPU_FN float squares(float mean) const {
    float sum = 0;
    each([&](int i) { sum += (x[i] - mean) * (x[i] - mean); });
    return sum;
  }
  GPU_FN void normalize(float factor, const float* weight) const {
    each([&](int i) { x[i] *= weight == nullptr ? factor : factor * weight[i]; });
  }
  GPU_FN void normalize(float mean, float factor, const float* weight, const float* bias) const {
    each([&](int i) {
      const float y = (x[i] - mean) * factor * (weight == nullptr ? 1 : weight[i]);
      x[i] = bias == nullptr ? y : y + bias[i];
    });
  }
};

GPU_FN float rms_factor(float squares, int count, float eps) {
  return gpu::rsqrt(squares / static_cast<float>(count) + eps);
}

GPU_FN void rotate(const Head& head, const float* cos_sin) {
  for (int i = gpu::lane(); i < head.half; i += 32) {
    float &a = head.x[head.first_of(i)], &b = head.x[head.second_of(i)];
    const float cosine = cos_sin[i], sine = cos_sin[head.half + i], x = a, y = b;
    a = x * cosine - y * sine;
    b = x * sine + y * cosine;
  }
}

GPU_FN float norm_of_head(const Head& head, const NormWeights& norm) {
  return rms_factor(gpu::warp_sum(head.squares()), head.dim, norm.eps);
}

// All heads of q, or of k: normalised, clipped and rotated. All threads of the block come here.
GPU_FN void prepare(const Head& first, int count, const NormWeights& norm, bool is_wide,
                    const RopeAndStore& p, const float* cos_sin, float* partial) {
  const auto head_at = [&](int h) {
    Head head = first;
    head.x += h * head.dim;
    return head;
  };
  const bool has_norm = norm.kind != kNormNone, is_layer = norm.kind == kNormLayer;
  float mean = 0, factor = 0;  // of all heads together
  const auto measure = [&] {
    if (is_layer) {
      float sum = 0;
      for (int h = gpu::warp(); h < count; h += kRopeThreads / 32) sum += head_at(h).sum();
      mean = block_sum(sum, partial) / static_cast<float>(count * first.dim);
    }
    float squares = 0;
    for (int h = gpu::warp(); h < count; h += kRopeThreads / 32)
      squares += is_layer ? head_at(h).squares(mean) : head_at(h).squares();
    factor = rms_factor(block_sum(squares, partial), count * first.dim, norm.eps);
  };
  const auto normalize = [&](const Head& head, int h) {
    const int from = is_wide ? h * head.dim : 0;
    const float* weight = norm.weight == nullptr ? nullptr : norm.weight + from;
    if (is_layer)
      head.normalize(mean, factor, weight, norm.bias == nullptr ? nullptr : norm.bias + from);
    else
      head.normalize(is_wide ? factor : norm_of_head(head, norm), weight);
  };
  if (has_norm && is_wide && p.norm_last == 0) measure();
  for (int h = gpu::warp(); h < count; h += kRopeThreads / 32) {
    const Head head = head_at(h);
    if (has_norm && p.norm_last == 0) normalize(head, h);
    if (p.clip > 0) head.each([&](int i) { head.x[i] = clipped(head.x[i], p.clip); });
    if (cos_sin != nullptr) rotate(head, cos_sin);
  }
  if (!has_norm || p.norm_last == 0) return;
  if (is_wide) measure();
  for (int h = gpu::warp(); h < count; h += kRopeThreads / 32) normalize(head_at(h), h);
}

// Where the elements of a head lie in a slot.
struct Place {
  void* data;
  int64_t first;
  int step;
  float* scale;  // of bytes
};

GPU_FN void store_head(const Head& head, const Place& to, int type) {
  float inverse = 0;
  if (type == kKvI8) {
    float largest = 0;
    bool is_nan = false;
    head.each([&](int i) {
      largest = gpu::max(largest, gpu::absolute(head.x[i]));
      is_nan = is_nan || head.x[i] != head.x[i];
    });
    largest = gpu::warp_max(largest);
    if (gpu::ballot(is_nan) != 0) largest = gpu::float_of(0x7fffffffu);
    if (gpu::lane() == 0) *to.scale = largest / 127;
    if (largest > 0 && largest < gpu::kInfinity) inverse = 127 / largest;
  }
  head.each([&](int i) {
    store_element(to.data, to.first + static_cast<int64_t>(i) * to.step, type, head.x[i], inverse);
  });
}

}  // namespace

GPU_KERNEL(rope_and_store, RopeAndStore, kRopeThreads, 1) {
  gpu::SharedMemory shared;
  float* partial = shared.array<float>(kRopeThreads / 32);
  const int token = gpu::block_index().x, position = p.positions[token];
  const HeadSizes& h = p.heads;
  float* q = p.qkv.data + token * p.qkv.stride;
  const float* cos_sin = p.cos_sin == nullptr ? nullptr : p.cos_sin + position * p.cos_sin_stride;
  prepare({q, h.head_dim, p.half, p.neighbours}, h.q_heads, p.q_norm, p.q_norm_is_wide != 0, p, cos_sin,
          partial);
  float* k = q + h.q_heads * h.head_dim;
  float* v = k + h.kv_heads * h.head_dim;
  if (p.temperature_length != 0) {
    const int steps = (position + p.temperature_offset) / p.temperature_length + 1;
    const float factor = 1 + p.temperature * gpu::log(static_cast<float>(steps));
    for (int i = gpu::warp(); i < h.q_heads; i += kRopeThreads / 32) {
      const Head head = {q + i * h.head_dim, h.head_dim, p.half, p.neighbours};
      head.each([&](int e) { head.x[e] *= factor; });
      if (p.joined == 0) continue;
      const Head second = {v + (h.kv_heads + i) * h.value_dim, h.value_dim, 0, 0};
      second.each([&](int e) { second.x[e] *= factor; });
    }
  }
  if (p.shares_kv != 0) return;
  prepare({k, h.head_dim, p.half, p.neighbours}, h.kv_heads, p.k_norm, p.k_norm_is_wide != 0, p, cos_sin,
          partial);
  const int64_t slot = p.slots[token], block = slot / p.kv.block_tokens, offset = slot % p.kv.block_tokens;
  for (int i = gpu::warp(); i < h.kv_heads; i += kRopeThreads / 32) {
    const Head value = {v + i * h.value_dim, h.value_dim, 0, 0};
    if (p.clip > 0) value.each([&](int e) { value.x[e] = clipped(value.x[e], p.clip); });
    if (p.v_norm.kind != kNormNone) value.normalize(norm_of_head(value, p.v_norm), p.v_norm.weight);
    const int64_t column = static_cast<int64_t>(i) * h.head_dim * p.kv.block_tokens + offset;
    store_head({k + i * h.head_dim, h.head_dim, p.half, p.neighbours},
               {p.kv.k, block * p.kv.k_stride + column, p.kv.block_tokens,
                p.kv.k_scales + slot * p.kv.k_scale_stride + i},
               p.kv.type);
    store_head(
        value,
        {p.kv.v, slot * p.kv.v_stride + i * h.value_dim, 1, p.kv.v_scales + slot * p.kv.v_scale_stride + i},
        p.kv.type);
  }
}
