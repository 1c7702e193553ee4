// e^x for the weights of tokens: the same bits on every machine, in code that compilers turn into vectors.
#pragma once
#include <bit>
#include <cstdint>

namespace ferrum {

// For x ≤ 0, −∞ included; 0 below −87, where float32 ends. The error is below 2e-7 of the result; e^0 is 1.
// e^x = 2^n · e^f with |f| ≤ ln 2 / 2, whose polynomial interpolates (e^f − 1 − f) / f² at Chebyshev's nodes.
inline float fast_exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float f = (x - n * 0.693145752f) - n * 1.42860677e-6f;  // ln 2 in two parts, the first of 16 bits
  float p = 0.00139262131f;
  p = p * f + 0.00836320315f;
  p = p * f + 0.0416665561f;
  p = p * f + 0.166665763f;
  p = p * f + 0.5f;
  p = p * (f * f) + f + 1;
  const uint32_t scaled = std::bit_cast<uint32_t>(p) + (std::bit_cast<uint32_t>(shifted) << 23);
  return x < -87 ? 0 : std::bit_cast<float>(scaled);
}

}  // namespace ferrum
