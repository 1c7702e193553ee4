// The measurements of one request.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ferrum::loadgen {

struct Failure {
  // "connection", "timeout", "disconnect", "HTTP 429", "error event", "malformed" or "empty"
  std::string kind;
  std::string message;
};

// Times are seconds; all but `start` since it was due, which is when it was sent unless this machine is late.
struct Sample {
  enum class CountedBy { kUsage, kChunks };  // the server's count, or one token for each part with text

  double start = 0;          // when it was due, since the run began
  double first = 0;          // when its first text came
  double last = 0;           // when its last text came
  double end = 0;            // when it ended, or failed
  std::vector<double> gaps;  // between two parts with text
  int64_t chunks = 0;        // parts with text

  CountedBy counted_by = CountedBy::kChunks;
  int64_t prompt_tokens = 0;  // 0 if the server reports none
  int64_t cached_tokens = 0;  // of the prompt
  int64_t output_tokens = 0;

  std::optional<Failure> failure;

  // From the first text on, for a token; none for answers of one.
  std::optional<double> time_per_token() const {
    if (output_tokens < 2) return std::nullopt;
    return (last - first) / static_cast<double>(output_tokens - 1);
  }
};

}  // namespace ferrum::loadgen
