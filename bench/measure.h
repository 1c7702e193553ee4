// What the benches of operations have in common: their command line, and times compared with the machine's
// limits.
#pragma once
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/machine_limits.h"
#include "base/error.h"
#include "base/numbers.h"

namespace ferrum::bench {

struct Options {
  CpuOptions backend;
  double seconds = 0.4;  // for each row
};

template <class Number>
Number to_number(const std::string& text) {
  const std::optional<Number> value = number_from<Number>(text);
  if (!value) fail(ErrorCode::kBadArgument, "{} is no number, or too large", in_quotes(text));
  return *value;
}

// Pairs of flag and value. own(flag, value) takes the bench's own flags and returns false for others.
template <class Own>
void parse(int argc, char** argv, Options& options, const Own& own) {
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) fail(ErrorCode::kBadArgument, "{} is no option, or lacks its value", in_quotes(flag));
    const std::string value = argv[i + 1];
    if (flag == "--threads")
      options.backend.threads = to_number<int>(value);
    else if (flag == "--isa")
      options.backend.isa = choose_isa(value);
    else if (flag == "--seconds")
      options.seconds = to_number<double>(value);
    else if (!own(flag, value))
      fail(ErrorCode::kBadArgument, "{} is no option", in_quotes(flag));
  }
}

// Seconds of one call: the median, and the best, which on a machine that others use as well says more about
// the code.
struct Timing {
  double median;
  double best;
};

// What one thread does is timed by the processor that it gets.
inline double now(int threads) {
  timespec time = {};
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Of as many calls as fit into the seconds of one thread's processor or of the clock, at least five.
template <class Call>
Timing time_of(int threads, double seconds, const Call& call) {
  call();
  std::vector<double> times;
  const double begin = now(threads);
  while (times.size() < 5 || now(threads) - begin < seconds) {
    const double start = now(threads);
    call();
    times.push_back(now(threads) - start);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front()};
}

// What all threads of a backend can do together, with the best instruction set of this CPU.
class Limits {
 public:
  explicit Limits(const CpuBackend& backend) : meter_(backend.threads()) {}

  // The median of all measurements so far and one more: others may have run during some.
  MachineLimits measure() {
    measured_.push_back(meter_.measure());
    return median_of(measured_);
  }

 private:
  LimitMeter meter_;
  std::vector<MachineLimits> measured_;
};

inline void print(const CpuBackend& backend, const MachineLimits& limits) {
  std::printf("%s\nlimits: reading %.1f GB/s, int8 %.0f GOP/s, bf16 %.0f GOP/s, f32 %.0f GOP/s\n",
              backend.name().c_str(), limits.read_bandwidth / 1e9, limits.int8 / 1e9, limits.bf16 / 1e9,
              limits.f32 / 1e9);
}

// The exit code of a bench.
template <class Run>
int run_main(const char* name, const Run& run) {
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace ferrum::bench
