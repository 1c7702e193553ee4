// Applies activations to the sums of an expanding product: f(gate) × up, or f(x). Constants and formulas: see
// Activation.
#include "backend/cpu/kernels/elementary.h"
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

inline F32 square(F32 x) { return x * x; }

struct Silu {
  F32 operator()(F32 x) const { return x / (1.0f + exp(-x)); }
};
struct ScaledSilu {
  float alpha;

  F32 operator()(F32 x) const { return Silu{}(x * alpha); }
};
struct Gelu {
  F32 operator()(F32 x) const { return x * normal_share(x); }
};
// With tanh(u) = 2 σ(2u) − 1.
struct GeluTanh {
  F32 operator()(F32 x) const {
    const F32 u = x * fma(x * x, broadcast(0.044715f * 0.7978845608f), broadcast(0.7978845608f));
    return x * logistic(u + u);
  }
};
struct ReluSquared {
  F32 operator()(F32 x) const { return square(max(F32{}, x)); }
};
struct Xielu {
  ActivationConstants c;

  F32 operator()(F32 x) const {
    const F32 linear = x * c.beta;
    const F32 above = fma(x * x, broadcast(c.positive), linear);
    const F32 limited = min(broadcast(c.limit), x);
    const F32 below = fma(exp_less_one(limited) - x, broadcast(c.negative), linear);
    return x > 0.0f ? above : below;
  }
};

// Token by token, so that the output is written in order of address: panel by panel, its lines would be a
// whole row apart. Calls f(index of the panel's sums, number of rows) for each register of a token's row.
template <class Combine>
inline void each_register(float* out, int rows, int64_t panel_stride, const Combine& combine) {
  int64_t at = 0;
  int i = 0;
  for (; i + kLanes <= rows; i += kLanes, at += panel_stride) store(out + i, combine(at));
  if (i < rows) store_part(out + i, combine(at), rows - i);
}

template <class F>
inline void gate_with(const SumRows& to, PanelSums gate, PanelSums up, const F& f) {
  float* out = to.out;
  for (int t = 0; t < to.tokens; ++t, out += to.stride, gate.data += kLanes, up.data += kLanes)
    each_register(out, to.rows, gate.panel_stride,
                  [&](int64_t at) { return f(load(gate.data + at)) * load(up.data + at); });
}

template <class F>
inline void apply_to(const SumRows& to, PanelSums sums, const F& f) {
  float* out = to.out;
  for (int t = 0; t < to.tokens; ++t, out += to.stride, sums.data += kLanes)
    each_register(out, to.rows, sums.panel_stride, [&](int64_t at) { return f(load(sums.data + at)); });
}

inline void gate_with_limited_silu(const SumRows& to, PanelSums gate, PanelSums up, F32 limit) {
  float* out = to.out;
  for (int t = 0; t < to.tokens; ++t, out += to.stride, gate.data += kLanes, up.data += kLanes)
    each_register(out, to.rows, gate.panel_stride, [&](int64_t at) {
      return min(limit, Silu{}(load(gate.data + at))) * max(-limit, min(limit, load(up.data + at)));
    });
}

}  // namespace

void gate_silu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& c) {
  if (c.limit > 0) return gate_with_limited_silu(to, gate, up, broadcast(c.limit));
  gate_with(to, gate, up, Silu{});
}
void gate_gelu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants&) {
  gate_with(to, gate, up, Gelu{});
}
void gate_gelu_tanh(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants&) {
  gate_with(to, gate, up, GeluTanh{});
}
void gate_relu_squared(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants&) {
  gate_with(to, gate, up, ReluSquared{});
}
void gate_xielu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& c) {
  gate_with(to, gate, up, Xielu{c});
}
void gate_scaled_silu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& c) {
  gate_with(to, gate, up, ScaledSilu{c.alpha});
}
void gate_clamped_silu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& c) {
  float* out = to.out;
  const F32 limit = broadcast(c.limit);
  for (int t = 0; t < to.tokens; ++t, out += to.stride, gate.data += kLanes, up.data += kLanes)
    each_register(out, to.rows, gate.panel_stride, [&](int64_t at) {
      const F32 g = min(limit, load(gate.data + at));
      const F32 u = max(-limit, min(limit, load(up.data + at)));
      return g * logistic(g * c.alpha) * (u + 1.0f);
    });
}
void apply_silu(const SumRows& to, PanelSums sums, const ActivationConstants&) { apply_to(to, sums, Silu{}); }
void apply_gelu(const SumRows& to, PanelSums sums, const ActivationConstants&) { apply_to(to, sums, Gelu{}); }
void apply_gelu_tanh(const SumRows& to, PanelSums sums, const ActivationConstants&) {
  apply_to(to, sums, GeluTanh{});
}
void apply_relu_squared(const SumRows& to, PanelSums sums, const ActivationConstants&) {
  apply_to(to, sums, ReluSquared{});
}
void apply_xielu(const SumRows& to, PanelSums sums, const ActivationConstants& c) {
  apply_to(to, sums, Xielu{c});
}
void apply_scaled_silu(const SumRows& to, PanelSums sums, const ActivationConstants& c) {
  apply_to(to, sums, ScaledSilu{c.alpha});
}

}  // namespace ferrum::cpu::FERRUM_ISA
