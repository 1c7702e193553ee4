// Says how the next token of one sequence is drawn, in the order that ferrum/types.h gives. What depends on
// the sequence's history (bans, penalties, budgets) is worked out here; the rest is the backend's
// (backend/draw.h).
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampling/draw_list.h"
#include "engine/sampling/drawn_tokens.h"
#include "engine/sampling/dry_breakers.h"
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
  // What the answer is, again and again, whatever the logits are: recorded tokens. Never empty; null: drawn.
  std::shared_ptr<const std::vector<TokenId>> script{};
};

class Sampler {
 public:
  // `seed` is used where the options have none. The options must be valid for the vocabulary.
  Sampler(const SamplingOptions& options, uint64_t seed, SequenceFacts facts = {});

  // Adds the draw of the token after `history`, the sequence so far, whose length is the position that random
  // numbers are taken from. What is drawn depends on the row of logits, history, options and seed alone; with
  // mirostat on the earlier draws as well.
  Draw& ask(std::span<const TokenId> history, int row, DrawList& list) const;
  // Whether that depends on which tokens the history has, and not only on how many.
  bool reads_history() const;
  // The same draw where the history is not known yet, but that it has this many tokens. REQUIRES:
  // !reads_history().
  Draw& ask(size_t history, int row, DrawList& list) const;
  // The sequence goes on with this token, which was drawn as asked.
  void take(const Drawn& drawn) { bound_ = drawn.bound; }

 private:
  Draw& begin(size_t history, int row, DrawList& list) const;
  size_t answer_tokens(size_t history) const { return history - std::min(facts_.prompt_tokens, history); }
  // Those that depend on the history's length alone.
  void add_edits(size_t history, DrawList& list) const;
  // The others.
  void add_penalties(std::span<const TokenId> history, DrawList& list) const;

  SamplingOptions options_;
  uint64_t seed_;
  SequenceFacts facts_;
  double bound_;  // mirostat's
};

}  // namespace ferrum
