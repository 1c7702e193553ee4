#include "engine/measure/bench_row.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace ferrum {

BenchLimit limit_for(Format weights, const MachineLimits& machine) {
  if (!is_float(weights)) return {machine.read_bandwidth, machine.int8, "int8"};
  if (weights == Format::kBF16 && machine.bf16 > 0) return {machine.read_bandwidth, machine.bf16, "bf16"};
  return {machine.read_bandwidth, machine.f32, "f32"};
}

Spread spread_of(std::vector<double> samples) {
  check(!samples.empty(), "there are samples");
  const auto n = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / n;
  double squares = 0;
  for (const double x : samples) squares += (x - mean) * (x - mean);
  std::sort(samples.begin(), samples.end());
  const size_t half = samples.size() / 2;
  const double median = samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
  return {mean, samples.size() > 1 ? std::sqrt(squares / (n - 1)) : 0, median};
}

std::vector<double> BenchRow::samples() const {
  std::vector<double> speeds;
  for (const double s : seconds) speeds.push_back(static_cast<double>(task.total_tokens()) / s);
  return speeds;
}

double BenchRow::bytes_per_second() const {
  return work.bytes * speed().mean / static_cast<double>(task.total_tokens());
}

double BenchRow::operations_per_second() const {
  return work.operations * speed().mean / static_cast<double>(task.total_tokens());
}

double BenchRow::least_seconds() const {
  return std::max(work.bytes / limit.bytes_per_second, work.operations / limit.operations_per_second);
}

bool BenchRow::is_bound_by_reading() const {
  return work.bytes / limit.bytes_per_second >= work.operations / limit.operations_per_second;
}

double BenchRow::limit_speed() const { return static_cast<double>(task.total_tokens()) / least_seconds(); }

}  // namespace ferrum
