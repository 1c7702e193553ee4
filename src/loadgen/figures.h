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

// In seconds. All 0 if there are no values.
struct Distribution {
  int64_t count = 0;
  double mean = 0;
  double p50 = 0;  // p50 and the others are by nearest rank
  double p90 = 0;
  double p99 = 0;
};
Distribution distribution_of(std::vector<double> values);

// Latency targets of a good response, in seconds; nullopt: no target.
struct Targets {
  std::optional<double> ttft;
  std::optional<double> itl;   // the longest gap of a response
  std::optional<double> tpot;  // the mean of a response
  std::optional<double> e2e;

  bool any() const { return ttft || itl || tpot || e2e; }
};
// Parses "ttft:500,itl:50", in milliseconds. Throws kBadArgument.
Targets parse_targets(std::string_view text);
bool is_good(const Sample& sample, const Targets& targets);

struct Failures {
  std::string kind;
  int64_t count = 0;
  std::string example;  // the message of the first one
};

struct LoadFigures {
  int64_t requests = 0;
  int64_t succeeded = 0;
  int64_t good = 0;                // among the successful ones
  std::vector<Failures> failures;  // most frequent first
  double seconds = 0;              // from the first request to the end of the last response

  // Of successful requests:
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t output_tokens = 0;
  int64_t chunks = 0;
  int64_t counted_by_usage = 0;  // how many reported their usage
  Distribution ttft;             // time to the first text
  Distribution itl;              // between two parts with text, over all responses
  Distribution tpot;             // per token after the first text; one value per response
  Distribution e2e;

  double per_second(int64_t count) const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }
};
LoadFigures figures_of(std::span<const Sample> samples, const Targets& targets);

}  // namespace ferrum::loadgen
