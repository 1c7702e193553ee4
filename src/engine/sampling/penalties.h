// What is done to logits before anything is drawn: wishes for single tokens, and less of what was said
// before. Each changes the row in place. All tokens are of the vocabulary.
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

// The logit of a token of `recent` is divided by the penalty if positive, else multiplied, however often it
// stands there (CTRL, arXiv 1909.05858).
void apply_repetition_penalty(float penalty, std::span<const TokenId> recent, TokenCounts& counts,
                              std::span<float> logits);

// logit −= presence + frequency · how often the token stands in `answer` (OpenAI API, "frequency and presence
// penalties").
void apply_occurrence_penalties(float presence, float frequency, std::span<const TokenId> answer,
                                TokenCounts& counts, std::span<float> logits);

struct DryPenalty {
  float multiplier;
  float base;
  int allowed_length;
};

// Don't repeat yourself (oobabooga/text-generation-webui, pull request 5677): a token that would continue a
// repetition of the last n ≥ allowed_length tokens, the longest such n, loses
// multiplier · base^(n − allowed_length). A repetition holds no breaker, and a breaker is never penalised.
// In time linear in `recent`; `matches` is scratch.
void apply_dry(const DryPenalty& penalty, std::span<const TokenId> recent, const DryBreakers* breakers,
               TokenCounts& counts, std::vector<int>& matches, std::span<float> logits);

}  // namespace ferrum
