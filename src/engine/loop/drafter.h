// Predicts how sequences continue, so that one step of the model can confirm several tokens at once.
//
// The model draws its own token at every drafted position, with the random number of that position, and the
// draft counts as far as the two agree. So the tokens are those of a run without drafts, whatever the
// temperature, the penalties and the drafter: a draft only decides how many tokens one step yields.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/loop/acceptance.h"
#include "text/token.h"

namespace ferrum {

struct Sequence;

// A drafter's state for one sequence.
class DraftMemory {
 public:
  virtual ~DraftMemory() = default;
};

// The draft of one sequence for the next step.
struct Draft {
  int wanted = 0;  // the number of tokens requested
  int kind = 0;    // less than Acceptance::kKinds
  // The sequence's last token and the drafted ones; empty: no draft.
  std::vector<TokenId> tokens;
  int accepted = 0;  // how many of the drafted tokens were right
  Acceptance acceptance;
  std::unique_ptr<DraftMemory> memory;  // the drafter's state; null at first

  bool next_is(TokenId id) const {
    return accepted < drafted() && tokens[static_cast<size_t>(accepted) + 1] == id;
  }
  int drafted() const { return tokens.empty() ? 0 : static_cast<int>(tokens.size()) - 1; }
};

class Drafter {
 public:
  virtual ~Drafter() = default;

  // The confidence in a draft for this sequence, which is decoding; nullopt if no draft is possible.
  virtual std::optional<int> kind(Sequence& s) = 0;
  // Makes the drafts of these sequences, each of at most `wanted` tokens. Throws as StepRunner::step does.
  virtual void draft(std::span<Sequence* const> sequences) = 0;
};

}  // namespace ferrum
