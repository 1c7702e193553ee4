// Changes to logits before filtering: logit bias, and penalties for repetition. Each changes the row in
// place. All tokens are in the vocabulary, but for negative ids, which stand for no token and count for
// nothing.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/sampling/dry_breakers.h"
#include "engine/sampling/token_counts.h"
#include "text/token.h"

namespace ferrum {

void apply_logit_bias(const std::map<int32_t, float>& bias, std::span<float> logits);

// Divides the logit of each token in `recent` by the penalty if it is positive, otherwise multiplies it, once
// per distinct token (CTRL, arXiv 1909.05858).
void apply_repetition_penalty(float penalty, std::span<const TokenId> recent, TokenCounts& counts,
                              std::span<float> logits);

// logit −= presence + frequency · number of occurrences in `answer` (OpenAI API, "frequency and presence
// penalties").
void apply_occurrence_penalties(float presence, float frequency, std::span<const TokenId> answer,
                                TokenCounts& counts, std::span<float> logits);

struct DryPenalty {
  float multiplier;
  float base;
  int allowed_length;
};

// "Don't repeat yourself" (oobabooga/text-generation-webui, pull request 5677): a token that would continue a
// repetition of the last n ≥ allowed_length tokens, with n as large as possible, loses multiplier · base^(n −
// allowed_length). A repetition contains no breaker, and a breaker is never penalised. Linear in the size of
// `recent`; `matches` is scratch.
void apply_dry(const DryPenalty& penalty, std::span<const TokenId> recent, const DryBreakers* breakers,
               TokenCounts& counts, std::vector<int>& matches, std::span<float> logits);

}  // namespace ferrum
