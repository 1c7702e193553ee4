// The times at which requests of an open loop are due.
#pragma once
#include <cstdint>

namespace ferrum::loadgen {

enum class Spacing {
  kPoisson,  // exponential gaps: independent requests, as from many users
  kUniform,  // constant gaps
};

// A sequence of times, fixed by the seed. The first is 0.
class Arrivals {
 public:
  Arrivals(double per_second, Spacing spacing, uint64_t seed)
      : per_second_(per_second), spacing_(spacing), seed_(seed) {}

  double next();  // seconds since the beginning

 private:
  double per_second_;
  Spacing spacing_;
  uint64_t seed_;
  uint64_t count_ = 0;
  double time_ = 0;
};

}  // namespace ferrum::loadgen
