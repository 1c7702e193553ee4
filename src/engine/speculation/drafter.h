// Who guesses how sequences go on, so that one step of the model can confirm several tokens at once.
//
// The model draws its own token at every drafted position, with the random number that belongs to it, and the
// draft counts as far as the two agree. So the tokens are those of a run without drafts, whatever the
// temperature, the penalties and the drafter: a draft decides only how many come with one step.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/speculation/acceptance.h"
#include "text/token.h"

namespace ferrum {

struct Sequence;

// What a drafter keeps of one sequence.
class DraftMemory {
 public:
  virtual ~DraftMemory() = default;
};

// The draft of one sequence for the next step.
struct Draft {
  int wanted = 0;  // tokens
  int kind = 0;    // below Acceptance::kKinds
  // The sequence's last token and those that may follow it; empty: no draft.
  std::vector<TokenId> tokens;
  int accepted = 0;  // of those: they were right
  Acceptance acceptance;
  std::unique_ptr<DraftMemory> memory;  // the drafter's; none at first

  bool next_is(TokenId id) const {
    return accepted < drafted() && tokens[static_cast<size_t>(accepted) + 1] == id;
  }
  int drafted() const { return tokens.empty() ? 0 : static_cast<int>(tokens.size()) - 1; }
};

class Drafter {
 public:
  virtual ~Drafter() = default;

  // How sure a draft for this sequence would be; nothing if there is none to be had. The sequence decodes.
  virtual std::optional<int> kind(Sequence& s) = 0;
  // Makes the drafts of these, each of `wanted` tokens or fewer. Errors as StepRunner::step.
  virtual void draft(std::span<Sequence* const> sequences) = 0;
};

}  // namespace ferrum
