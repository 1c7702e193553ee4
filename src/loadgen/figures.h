// Statistics over samples.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/sample.h"

namespace ferrum::loadgen {

// In seconds. All 0 where there is nothing.
struct Distribution {
  int64_t count = 0;
  double mean = 0;
  double p50 = 0;  // by nearest rank, as the others
  double p90 = 0;
  double p99 = 0;
};
Distribution distribution_of(std::vector<double> values);

// Latency targets of a good answer, in seconds; none: no target.
struct Targets {
  std::optional<double> ttft;
  std::optional<double> itl;   // the longest of its gaps
  std::optional<double> tpot;  // its own mean
  std::optional<double> e2e;

  bool any() const { return ttft || itl || tpot || e2e; }
};
// "ttft:500,itl:50" in milliseconds. Error kBadArgument.
Targets parse_targets(std::string_view text);
bool is_good(const Sample& sample, const Targets& targets);

struct Failures {
  std::string kind;
  int64_t count = 0;
  std::string example;  // the message of the first
};

struct LoadFigures {
  int64_t requests = 0;
  int64_t succeeded = 0;
  int64_t good = 0;                // of those that succeeded
  std::vector<Failures> failures;  // the most frequent first
  double seconds = 0;              // from the first request to the end of the last

  // Of those that succeeded:
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t output_tokens = 0;
  int64_t chunks = 0;
  int64_t counted_by_usage = 0;  // requests
  Distribution ttft;             // to the first text
  Distribution itl;              // between two parts with text, of all answers together
  Distribution tpot;             // from the first text on, per token; of each answer one
  Distribution e2e;

  double per_second(int64_t count) const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }
};
LoadFigures figures_of(std::span<const Sample> samples, const Targets& targets);

}  // namespace ferrum::loadgen
