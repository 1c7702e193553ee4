// A figure that was taken, and how near it comes to what the machine allows.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cpu/machine_limits.h"
#include "backend/observers/timing_backend.h"
#include "engine/measure/engine_bench.h"
#include "tensor/format.h"

namespace ferrum {

// The machine's limits for a file of one type.
struct BenchLimit {
  double bytes_per_second = 0;
  double operations_per_second = 0;
  std::string_view peak;  // which of the machine's: "int8", "bf16" or "f32"
};
// Quantised weights: int8. BF16 where the CPU multiplies it: bf16. Else f32.
BenchLimit limit_for(Format weights, const MachineLimits& machine);

struct Spread {
  double mean = 0;
  double deviation = 0;  // of the sample: divided by n - 1; 0 for a single one
  double median = 0;
};
Spread spread_of(std::vector<double> samples);

struct BenchRow {
  BenchCase task;
  Work work;                                               // of one repetition
  std::vector<double> seconds;                             // of each
  MachineLimits machine;                                   // measured between them
  BenchLimit limit;                                        // the part of it that concerns this model
  std::optional<EngineFigures> engine;                     // where it went through it
  std::map<std::string, TimingBackend::Total> operations;  // of the extra repetition of --profile

  std::vector<double> samples() const;  // tokens/s, of all sequences together
  Spread speed() const { return spread_of(samples()); }
  double bytes_per_second() const;
  double operations_per_second() const;

  // Reading and computing overlap, so a repetition takes at least the longer of the two.
  double least_seconds() const;
  bool is_bound_by_reading() const;
  double limit_speed() const;  // tokens/s
  double limit_share() const { return speed().mean / limit_speed(); }
};

}  // namespace ferrum
