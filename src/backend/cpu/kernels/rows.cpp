// Operations on single rows of activations.
#include "backend/cpu/kernels/elementary.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

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

template <class F>
inline void apply_gates(float* x, const float* gates, int count, int run, const F& f) {
  in_steps(count, [&](int i, int n) {
    const F32 factors = f(load_some(gates + i, n));
    if (run == 1) return store_some(x + i, load_some(x + i, n) * factors, n);
    for (int gate = 0; gate < n; ++gate) {
      float* const of_gate = x + static_cast<int64_t>(i + gate) * run;
      scale(of_gate, of_gate, factors[gate], run);
    }
  });
}

}  // namespace

void rms_norm(float* out, const float* x, const float* weight, int n, float eps) {
  const F32 scale = broadcast(inverse_rms(x, n, eps));
  if (weight == nullptr)
    in_steps(n, [&](int i, int count) { store_some(out + i, load_some(x + i, count) * scale, count); });
  else
    in_steps(n, [&](int i, int count) {
      store_some(out + i, load_some(x + i, count) * scale * load_some(weight + i, count), count);
    });
}

void layer_norm(float* out, const float* x, const NormTask& task) {
  const int n = task.n;
  F32 sums = {};
  in_steps(n, [&](int i, int count) { sums = sums + load_some(x + i, count); });
  const F32 mean = broadcast(sum(sums) / static_cast<float>(n));
  F32 squares = {};
  in_steps(n, [&](int i, int count) {
    F32 v = load_some(x + i, count) - mean;
    for (int lane = count; lane < kLanes; ++lane) v[lane] = 0;
    squares = fma(v, v, squares);
  });
  const F32 scale = broadcast(1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(n) + task.eps));
  in_steps(n, [&](int i, int count) {
    F32 v = (load_some(x + i, count) - mean) * scale;
    if (task.weight != nullptr) v = v * load_some(task.weight + i, count);
    if (task.bias != nullptr) v = v + load_some(task.bias + i, count);
    store_some(out + i, v, count);
  });
}

void add_scaled(float* to, const float* x, float scale, int n) {
  in_steps(n, [&](int i, int count) {
    store_some(to + i, fma(load_some(x + i, count), broadcast(scale), load_some(to + i, count)), count);
  });
}

// Token by token, so that the output is written in order of address: panel by panel, its lines would be a
// whole row apart.
void copy_sums(const SumRows& to, PanelSums sums) {
  float* out = to.out;
  for (int t = 0; t < to.tokens; ++t, out += to.stride, sums.data += kLanes) {
    const float* from = sums.data;
    in_steps(to.rows, [&](int i, int count) {
      store_some(out + i, load(from), count);
      from += sums.panel_stride;
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

void soft_cap(float* x, float factor, float cap, int n) {
  const F32 inner = broadcast(factor / cap);
  in_steps(n, [&](int i, int count) {
    store_some(x + i, broadcast(cap) * tanh(load_some(x + i, count) * inner), count);
  });
}

void clip(float* x, float limit, int n) {
  in_steps(n, [&](int i, int count) {
    const F32 below = min(broadcast(limit), load_some(x + i, count));
    store_some(x + i, max(broadcast(-limit), below), count);
  });
}

void gate_logistic(float* x, const float* gates, int count, int run) {
  apply_gates(x, gates, count, run, [](F32 gate) { return logistic(gate); });
}
void gate_softplus(float* x, const float* gates, int count, int run) {
  apply_gates(x, gates, count, run, [](F32 gate) { return softplus(gate); });
}

void gate_itself(float* x, const float* gates, int count, int run) {
  apply_gates(x, gates, count, run, [](F32 gate) { return gate; });
}

void logistic_row(float* out, const float* x, int n) {
  in_steps(n, [&](int i, int count) { store_some(out + i, logistic(load_some(x + i, count)), count); });
}

void rotate_head(const HeadTask& task) {
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
  F32 zeros = {};  // stays 0 unless a value is not finite
  in_steps(n, [&](int i, int count) {
    const F32 v = load_some(x + i, count);
    most = max(max(v, -v), most);
    zeros = fma(v, F32{}, zeros);
  });
  const float magnitude = largest(most);
  const float inverse = inverse_scale(magnitude);
  in_steps(n, [&](int i, int count) {
    // The nearest integer is in the low byte of the mantissa.
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

void to_direction(float* x, int n, float scale) {
  const float factor = scale / __builtin_sqrtf(sum_of_squares(x, n) + 1e-6f);
  in_steps(n, [&](int i, int count) { store_some(x + i, load_some(x + i, count) * factor, count); });
}

void gate_silu_row(float* x, const float* gates, int n) {
  in_steps(n, [&](int i, int count) {
    const F32 gate = load_some(gates + i, count);
    store_some(x + i, load_some(x + i, count) * gate * logistic(gate), count);
  });
}

}  // namespace ferrum::cpu::FERRUM_ISA
