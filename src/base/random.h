// Random numbers as a function of (key, counter). There is no state, so a draw does not depend on earlier
// draws.
#pragma once
#include <cstdint>

namespace ferrum {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit flips every output bit with a
// probability near 1/2.
constexpr uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

constexpr uint64_t random_bits(uint64_t key, uint64_t counter) {
  return mix_bits(mix_bits(key + 0x9E3779B97F4A7C15) + counter * 0x9E3779B97F4A7C15 + 1);
}

// Uniform in [0, 1), with 53 bits.
constexpr double random_uniform(uint64_t key, uint64_t counter) {
  return static_cast<double>(random_bits(key, counter) >> 11) * 0x1p-53;
}

}  // namespace ferrum
