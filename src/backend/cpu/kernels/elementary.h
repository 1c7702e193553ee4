// Elementary functions beyond exp for registers of float32. NaN stays NaN.
#pragma once
#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {

static inline F32 absolute(F32 x) { return from_bits(as_bits(x) & 0x7FFFFFFF); }

// 1 / (1 + e^−x)
static inline F32 logistic(F32 x) { return 1.0f / (1.0f + exp(-x)); }

// Within 2.5e-7 of the value: for |x| < 0.625, x + x³ P(x²), where P interpolates at Chebyshev points with an
// error of 1.7e-8; otherwise by exp.
static inline F32 tanh(F32 x) {
  const F32 z = x * x;
  F32 p = broadcast(-0x1.8f8de4p-8f);
  p = fma(p, z, broadcast(0x1.58048ep-6f));
  p = fma(p, z, broadcast(-0x1.b9258ap-5f));
  p = fma(p, z, broadcast(0x1.110e1cp-3f));
  p = fma(p, z, broadcast(-0x1.555552p-2f));
  const F32 magnitude = absolute(x);
  const F32 large = 1.0f - 2.0f / (1.0f + exp(magnitude + magnitude));
  const F32 small = fma(x * z, p, x);
  return magnitude < 0.625f ? small : (x < 0.0f ? -large : large);
}

// e^x − 1 for x <= 0: below −0.5 by exp, else the series to x^9 / 9!, whose rest is below 6e-10 of the value.
static inline F32 exp_less_one(F32 x) {
  F32 p = broadcast(1.0f / 362880);
  p = fma(p, x, broadcast(1.0f / 40320));
  p = fma(p, x, broadcast(1.0f / 5040));
  p = fma(p, x, broadcast(1.0f / 720));
  p = fma(p, x, broadcast(1.0f / 120));
  p = fma(p, x, broadcast(1.0f / 24));
  p = fma(p, x, broadcast(1.0f / 6));
  p = fma(p, x, broadcast(0.5f));
  return x > -0.5f ? fma(x * x, p, x) : exp(x) - 1.0f;
}

// ln(1 + e^x) = max(x, 0) + ln(1 + y) with y = e^−|x|, and ln(1 + y) = 2 artanh(y / (2 + y)) as its series to
// the 15th power, whose rest is below 4e-9 of the value.
static inline F32 softplus(F32 x) {
  const F32 y = exp(-absolute(x));
  const F32 s = y / (2.0f + y);
  const F32 z = s * s;
  F32 p = broadcast(2.0f / 15);
  p = fma(p, z, broadcast(2.0f / 13));
  p = fma(p, z, broadcast(2.0f / 11));
  p = fma(p, z, broadcast(2.0f / 9));
  p = fma(p, z, broadcast(2.0f / 7));
  p = fma(p, z, broadcast(2.0f / 5));
  p = fma(p, z, broadcast(2.0f / 3));
  p = fma(p, z, broadcast(2.0f));
  return max(F32{}, x) + s * p;
}

// The cumulative normal distribution at x, within 2e-7: 1 − erf by formula 7.1.26 of Abramowitz and Stegun,
// "Handbook of Mathematical Functions".
static inline F32 normal_share(F32 x) {
  const F32 root = absolute(x) * 0.70710678f;
  const F32 t = 1.0f / fma(root, broadcast(0.3275911f), broadcast(1.0f));
  F32 p = broadcast(1.061405429f);
  p = fma(p, t, broadcast(-1.453152027f));
  p = fma(p, t, broadcast(1.421413741f));
  p = fma(p, t, broadcast(-0.284496736f));
  p = fma(p, t, broadcast(0.254829592f));
  const F32 outside = 0.5f * p * t * exp(-root * root);
  return x < 0.0f ? outside : 1.0f - outside;
}

}  // namespace ferrum::cpu::FERRUM_ISA
