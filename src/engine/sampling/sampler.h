// Picks the next token of one sequence from its logits, in the order that ferrum/types.h gives. Each stage
// and its formula stand in sampling/.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampling/dry_breakers.h"
#include "engine/sampling/mirostat.h"
#include "engine/sampling/sampler_memory.h"
#include "engine/sampling/thought_budget.h"
#include "ferrum/types.h"
#include "text/token.h"

namespace ferrum {

// What a sampler must know of its sequence beside the tokens.
struct SequenceFacts {
  size_t prompt_tokens = 0;                       // where the answer begins
  std::vector<TokenId> forbidden;                 // never drawn
  size_t min_tokens = 0;                          // of the answer
  std::vector<TokenId> ends;                      // not drawn before the answer has this many tokens
  std::shared_ptr<const DryBreakers> breakers{};  // none: repetitions reach over everything
  std::optional<ThoughtBudget> thoughts{};        // none: no limit
};

class Sampler {
 public:
  // `seed` is used where the options have none. The options must be valid for the vocabulary.
  Sampler(const SamplingOptions& options, uint64_t seed, SequenceFacts facts = {});

  // `logits` is one row over the vocabulary; `history` the sequence so far, whose length is the position that
  // random numbers are taken from. What is drawn depends on the arguments, options and seed alone; with
  // mirostat on the earlier draws as well. Errors: kNotFinite for a row that has NaN or +∞, or no finite
  // value (fault B58); kBadArgument if bias and min_tokens leave no token (fault B43).
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history, SamplerMemory& memory);
  // The same, and no later draw knows of it.
  TokenId propose(std::span<const float> logits, std::span<const TokenId> history,
                  SamplerMemory& memory) const;

 private:
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history, SamplerMemory& memory,
                 std::optional<Mirostat>& mirostat) const;
  bool penalizes() const;  // or has a bias
  // Tokens that must not be drawn after `answer`, the answer's tokens so far.
  struct Ban {
    std::span<const TokenId> answer;
    std::optional<TokenId> thought;  // by the budget of thoughts
  };
  bool forbids(const Ban& ban) const;
  bool is_forbidden(TokenId id, const Ban& ban) const;
  // Bans, bias and penalties, in place.
  void adjust(std::span<float> logits, std::span<const TokenId> history, const Ban& ban,
              SamplerMemory& memory) const;
  TokenId draw(uint64_t position, SamplerMemory& memory) const;

  SamplingOptions options_;
  uint64_t seed_;
  SequenceFacts facts_;
  std::optional<Mirostat> mirostat_;
};

}  // namespace ferrum
