// The workload: prompts of random words, or from a file. A function of the seed and the request's
// number.
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
// "128" or "64-512". Error kBadArgument naming `what`, unless 1 <= least <= most <= 1,000,000.
Length parse_length(std::string_view text, std::string_view what);
std::string to_string(const Length& length);

// One of both: a text, or the array of messages of a chat, as JSON.
struct Prompt {
  std::string text;
  std::string messages;
  int max_tokens = 0;  // 0: as the workload has it
};

// A prompt on each line of a text; of a file named *.jsonl, on each line a JSON string or an object with
// `prompt` or `messages` and maybe `max_tokens`. Empty lines do not count. Errors kNotFound, kIo, kBadFile
// with the line, kBadArgument if there is no prompt.
std::vector<Prompt> read_prompts(const std::filesystem::path& file);

struct WorkloadOptions {
  Length prompt = {128, 128};  // words, uniformly drawn
  int shared_prefix = 0;       // words that all prompts begin with, beside their own
  Length answer = {64, 64};    // tokens, uniformly drawn
  uint64_t seed = 0;
  std::vector<Prompt> prompts;  // used in rotation; empty: random words
};

class Workload {
 public:
  explicit Workload(WorkloadOptions options);

  const WorkloadOptions& options() const { return options_; }
  Prompt prompt(uint64_t number) const;  // with max_tokens

 private:
  WorkloadOptions options_;
  std::string prefix_;
};

}  // namespace ferrum::loadgen
