// Edits of logits: logit bias, and penalties for repetition. Each adds to the draw that was added to the list
// last. All tokens are in the vocabulary, but for negative ids, which stand for no token and count for
// nothing.
#pragma once
#include <cstdint>
#include <map>
#include <span>

#include "engine/sampling/draw_list.h"
#include "engine/sampling/dry_breakers.h"
#include "text/token.h"

namespace ferrum {

void add_logit_bias(const std::map<int32_t, float>& bias, DrawList& list);

// Divides the logit of each token in `recent` by the penalty if it is positive, otherwise multiplies it, once
// per distinct token (CTRL, arXiv 1909.05858).
void add_repetition_penalty(float penalty, std::span<const TokenId> recent, DrawList& list);

// logit −= presence + frequency · number of occurrences in `answer` (OpenAI API, "frequency and presence
// penalties").
void add_occurrence_penalties(float presence, float frequency, std::span<const TokenId> answer,
                              DrawList& list);

struct DryPenalty {
  float multiplier;
  float base;
  int allowed_length;
};

// "Don't repeat yourself" (oobabooga/text-generation-webui, pull request 5677): a token that would continue a
// repetition of the last n ≥ allowed_length tokens, with n as large as possible, loses multiplier · base^(n −
// allowed_length). A repetition contains no breaker, and a breaker is never penalised. Linear in the size of
// `recent`.
void add_dry(const DryPenalty& penalty, std::span<const TokenId> recent, const DryBreakers* breakers,
             DrawList& list);

}  // namespace ferrum
