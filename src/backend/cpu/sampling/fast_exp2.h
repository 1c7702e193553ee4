// 2^x for token weights: bit-identical on every machine, in code that compilers vectorise.
#pragma once
#include <bit>
#include <cstdint>

namespace ferrum::cpu {

// For x ≤ 0, including −∞; 0 below −126, the end of float32's normal range. The relative error is below 4e-7;
// 2^0 is exactly 1. 2^x = 2^n · 2^f with |f| ≤ 1/2; the polynomial interpolates (2^f − 1) / f at Chebyshev
// nodes. Its terms are added in pairs, since a single chain would be bound by latency.
inline float fast_exp2(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  const float shifted = x + kRound;
  const float f = x - (shifted - kRound);
  const float squared = f * f;
  const float low = 1 + 0.693147182f * f;
  const float middle = 0.240223482f + 0.0555038117f * f;
  const float high = 0.00966637861f + 0.00133813126f * f;
  const float power = low + squared * (middle + squared * high);
  const uint32_t scaled = std::bit_cast<uint32_t>(power) + (std::bit_cast<uint32_t>(shifted) << 23);
  return x < -126 ? 0 : std::bit_cast<float>(scaled);
}

}  // namespace ferrum::cpu
