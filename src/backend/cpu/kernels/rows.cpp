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

void silu_multiply(float* out, const float* gate, const float* up, int n) {
  in_steps(n, [&](int i, int count) {
    const F32 g = load_some(gate + i, count);
    store_some(out + i, g / (1.0f + exp(-g)) * load_some(up + i, count), count);
  });
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

void prepare_head(const HeadTask& task) {
  if (task.norm != nullptr) rms_norm(task.head, task.head, task.norm, task.head_dim, task.norm_eps);
  const int half = task.rotary_dim / 2;
  const float* cosines = task.cos_sin;
  const float* sines = task.cos_sin + half;
  for (int i = 0; i < half; ++i) {
    float* a = task.head + i * task.spacing;
    float* b = a + task.step;
    const float rotated = *a * cosines[i] - *b * sines[i];
    *b = *a * sines[i] + *b * cosines[i];
    *a = rotated;
  }
}

void convert_f32(void* out, const float* x, int n) {
  __builtin_memcpy(out, x, static_cast<size_t>(n) * sizeof(float));
}
void convert_f16(void* out, const float* x, int n) { convert(static_cast<F16*>(out), x, n); }
void convert_bf16(void* out, const float* x, int n) { convert(static_cast<BF16*>(out), x, n); }

}  // namespace ferrum::cpu::FERRUM_ISA
