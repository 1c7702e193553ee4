// The workload: prompts of random words, or from a file. A function of the seed and the request's number.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::loadgen {

struct Length {
  int least = 0;
  int most = 0;
  bool operator==(const Length&) const = default;
};
// Parses "128" or "64-512". Throws kBadArgument naming `what` unless 1 <= least <= most <= 1,000,000.
Length parse_length(std::string_view text, std::string_view what);
std::string to_string(const Length& length);

// Either a text or a chat's array of messages as JSON.
struct Prompt {
  std::string text;
  std::string messages;
  int max_tokens = 0;  // 0: the workload's setting
};

// Reads a prompt from each line of a text or, in a file named *.jsonl, a JSON string or an object with
// `prompt` or `messages` and optionally `max_tokens`. Empty lines are skipped. Throws kNotFound, kIo,
// kBadFile with the line, or kBadArgument if there is no prompt.
std::vector<Prompt> read_prompts(const std::filesystem::path& file);

struct WorkloadOptions {
  Length prompt = {128, 128};  // in words, uniformly distributed
  int shared_prefix = 0;       // the number of words that all prompts begin with, before their own
  Length answer = {64, 64};    // in tokens, uniformly distributed
  uint64_t seed = 0;
  std::vector<Prompt> prompts;  // used in rotation; empty: random words
};

class Workload {
 public:
  explicit Workload(WorkloadOptions options);

  const WorkloadOptions& options() const { return options_; }
  Prompt prompt(uint64_t number) const;  // sets max_tokens

 private:
  WorkloadOptions options_;
  std::string prefix_;
};

}  // namespace ferrum::loadgen
