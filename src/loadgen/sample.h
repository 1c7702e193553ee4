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

// Seconds, all except `start` since the request was due: when it was sent, unless this machine is overloaded.
struct Sample {
  enum class CountedBy { kUsage, kChunks };  // from the server's usage, or one token per part with text

  double start = 0;          // when the request was due, since the run began
  double first = 0;          // first text
  double last = 0;           // last text
  double end = 0;            // end or failure
  std::vector<double> gaps;  // between two parts with text
  int64_t chunks = 0;        // parts with text

  CountedBy counted_by = CountedBy::kChunks;
  int64_t prompt_tokens = 0;  // 0 if the server does not report it
  int64_t cached_tokens = 0;  // tokens of the prompt that were cached
  int64_t output_tokens = 0;

  std::optional<Failure> failure;

  // Per token after the first text; nullopt for a single token.
  std::optional<double> time_per_token() const {
    if (output_tokens < 2) return std::nullopt;
    return (last - first) / static_cast<double>(output_tokens - 1);
  }
};

}  // namespace ferrum::loadgen
