// A histogram as Prometheus defines it
// (https://prometheus.io/docs/concepts/metric_types/#histogram), except that a bucket counts only its own
// values: Prometheus' cumulative counts are the running sums.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>

namespace ferrum {

// Of fixed size: observing and copying allocate nothing.
class Histogram {
 public:
  static constexpr size_t kMaxBounds = 24;

  // `bounds` are the inclusive upper bounds of the buckets, ascending, at most kMaxBounds; they must outlive
  // the histogram. One more bucket counts the values above the last bound.
  constexpr explicit Histogram(std::span<const double> bounds) : bounds_(bounds) {}

  void observe(double value) {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    ++counts_[static_cast<size_t>(bucket)];
    sum_ += value;
  }

  std::span<const double> bounds() const { return bounds_; }
  std::span<const int64_t> counts() const { return std::span(counts_).first(bounds_.size() + 1); }
  int64_t count() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::array<int64_t, kMaxBounds + 1> counts_{};
  double sum_ = 0;
};

// For queueing and total times: 1, 2 and 5 of each decade.
inline constexpr std::array kSecondsBounds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,   0.2,   0.5,
                                              1.0,   2.0,   5.0,   10.0, 20.0, 50.0, 100.0, 200.0, 500.0};
// For times between tokens: finer around reading speed.
inline constexpr std::array kTokenSecondsBounds = {0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.007,
                                                   0.01,   0.015,  0.02,  0.03,  0.05,  0.07,  0.1,
                                                   0.15,   0.2,    0.3,   0.5,   1.0,   2.0,   5.0};
inline constexpr std::array kCountBounds = {1.0,   2.0,   4.0,    8.0,    16.0,   32.0,   64.0,    128.0,
                                            256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0};

}  // namespace ferrum
