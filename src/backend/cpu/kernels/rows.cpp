// What is done to a row of activations by itself.
#include "backend/cpu/kernels/functions.h"
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

// f(offset, count) over n elements in steps of a register; the last count may be less than kLanes.
template <class Step>
inline void in_steps(int n, const Step& step) {
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) step(i, kLanes);
  if (i < n) step(i, n - i);
}

inline F32 load_some(const float* p, int n) { return n == kLanes ? load(p) : load_part(p, n); }
template <class T>
inline void store_some(T* p, F32 v, int n) {
  if (n == kLanes)
    store(p, v);
  else
    store_part(p, v, n);
}

inline float sum_of_squares(const float* x, int n) {
  F32 squares = {};
  in_steps(n, [&](int i, int count) {
    const F32 v = load_some(x + i, count);
    squares = fma(v, v, squares);
  });
  return sum(squares);
}

inline float inverse_rms(const float* x, int n, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares(x, n) / static_cast<float>(n) + eps);
}

template <class T>
inline void convert(T* out, const float* x, int n) {
  in_steps(n, [&](int i, int count) { store_some(out + i, load_some(x + i, count), count); });
}

// Pairs (a, b) of a head become (a cos − b sin, a sin + b cos): element i with element i + half …
inline void rotate_halves(float* head, const float* cosines, const float* sines, int half) {
  in_steps(half, [&](int i, int count) {
    const F32 a = load_some(head + i, count);
    const F32 b = load_some(head + half + i, count);
    const F32 cosine = load_some(cosines + i, count);
    const F32 sine = load_some(sines + i, count);
    store_some(head + i, a * cosine - b * sine, count);
    store_some(head + half + i, a * sine + b * cosine, count);
  });
}

// … or element 2 i with the next.
inline void rotate_neighbours(float* head, const float* cosines, const float* sines, int half) {
  in_steps(half, [&](int i, int count) {
    float pairs[2][kLanes];
    for (int k = 0; k < count; ++k)
      for (int which = 0; which < 2; ++which) pairs[which][k] = head[2 * (i + k) + which];
    const F32 a = load(pairs[0]);
    const F32 b = load(pairs[1]);
    const F32 cosine = load_some(cosines + i, count);
    const F32 sine = load_some(sines + i, count);
    store(pairs[0], a * cosine - b * sine);
    store(pairs[1], a * sine + b * cosine);
    for (int k = 0; k < count; ++k)
      for (int which = 0; which < 2; ++which) head[2 * (i + k) + which] = pairs[which][k];
  });
}

}  // namespace

void rms_norm(float* out, const float* x, const float* weight, int n, float eps) {
  const F32 scale = broadcast(inverse_rms(x, n, eps));
  in_steps(n, [&](int i, int count) {
    store_some(out + i, load_some(x + i, count) * scale * load_some(weight + i, count), count);
  });
}

void add(float* to, const float* x, int n) {
  in_steps(n, [&](int i, int count) {
    store_some(to + i, load_some(to + i, count) + load_some(x + i, count), count);
  });
}

void add_scaled(float* to, const float* x, float scale, int n) {
  in_steps(n, [&](int i, int count) {
    store_some(to + i, fma(load_some(x + i, count), broadcast(scale), load_some(to + i, count)), count);
  });
}

// Token by token, so that memory of the output is met in order of address: panel by panel its lines would lie
// a whole row apart.
void copy_sums(float* out, int64_t out_stride, PanelSums sums, int tokens, int rows) {
  for (int t = 0; t < tokens; ++t, out += out_stride, sums.data += kLanes) {
    const float* from = sums.data;
    in_steps(rows, [&](int i, int count) {
      store_some(out + i, load(from), count);
      from += sums.panel_stride;
    });
  }
}

void gate_sums(float* out, int64_t out_stride, PanelSums gate, PanelSums up, int tokens, int rows) {
  for (int t = 0; t < tokens; ++t, out += out_stride, gate.data += kLanes, up.data += kLanes) {
    int64_t at = 0;
    in_steps(rows, [&](int i, int count) {
      const F32 g = load(gate.data + at);
      store_some(out + i, g / (1.0f + exp(-g)) * load(up.data + at), count);
      at += gate.panel_stride;
    });
  }
}

float sum_of_exp(const float* x, int n, float highest) {
  F32 total = {};
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) total = total + exp(load(x + i) - highest);
  float rest = 0;
  if (i < n) {
    const F32 last = exp(load_part(x + i, n - i) - highest);
    for (int lane = 0; lane < n - i; ++lane) rest += last[lane];
  }
  return sum(total) + rest;
}

void scale(float* out, const float* x, float factor, int n) {
  in_steps(
      n, [&](int i, int count) { store_some(out + i, load_some(x + i, count) * broadcast(factor), count); });
}

void prepare_head(const HeadTask& task) {
  if (task.norm != nullptr) rms_norm(task.head, task.head, task.norm, task.head_dim, task.norm_eps);
  const int half = task.rotary_dim / 2;
  const float* cosines = task.cos_sin;
  const float* sines = task.cos_sin + half;
  if (task.neighbours)
    rotate_neighbours(task.head, cosines, sines, half);
  else
    rotate_halves(task.head, cosines, sines, half);
}

float quantize_head(int8_t* out, const float* x, int n) {
  F32 most = {};
  F32 zeros = {};  // stays 0 unless a value is no finite number
  in_steps(n, [&](int i, int count) {
    const F32 v = load_some(x + i, count);
    most = max(max(v, -v), most);
    zeros = fma(v, F32{}, zeros);
  });
  const float magnitude = largest(most);
  const float inverse = inverse_scale(magnitude);
  in_steps(n, [&](int i, int count) {
    // The nearest integer stands in the low byte of the mantissa.
    const I32 shifted = as_bits(load_some(x + i, count) * inverse + 0x1.8p23f);
    for (int lane = 0; lane < count; ++lane) out[i + lane] = static_cast<int8_t>(shifted[lane]);
  });
  return magnitude / 127 + sum(zeros);
}

void convert_f32(void* out, const float* x, int n) {
  __builtin_memcpy(out, x, static_cast<size_t>(n) * sizeof(float));
}
void convert_f16(void* out, const float* x, int n) { convert(static_cast<F16*>(out), x, n); }
void convert_bf16(void* out, const float* x, int n) { convert(static_cast<BF16*>(out), x, n); }

}  // namespace ferrum::cpu::FERRUM_ISA
