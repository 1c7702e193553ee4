// Picks the next token from logits: repetition penalty, temperature, top-k, top-p, min-p, in this order.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ferrum/types.h"
#include "text/token.h"

namespace ferrum {

// Error kBadArgument naming the parameter and its range (fault B42).
void validate(const SamplingOptions& options);

class Sampler {
 public:
  // `seed` is used where the options have none. The options must be valid.
  Sampler(const SamplingOptions& options, uint64_t seed);

  // `logits` is one row over the vocabulary; `history` the sequence so far. The draw depends on the seed and
  // the history's length alone. Error kNotFinite for a row that has NaN, or no finite value (fault B58).
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history);

 private:
  struct Candidate {
    TokenId id;
    float logit;
    double weight;  // not normalised
  };

  void penalize(std::span<const TokenId> history);
  TokenId draw(uint64_t position);
  void keep_top_k();
  size_t sorted_nucleus();  // sorts candidates downward as far as top-p reaches; how many that are

  SamplingOptions options_;
  uint64_t seed_;
  std::vector<float> logits_;          // [vocab]
  std::vector<TokenId> seen_;          // of the window, each once
  std::vector<Candidate> candidates_;  // most likely first, as far as they are sorted
};

}  // namespace ferrum
