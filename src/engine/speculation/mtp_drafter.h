// Drafts with the model's own head that predicts further tokens (models/mtp_head.h). The head gives the first
// drafted token; given its own hidden state in place of the model's, it goes on. What it keeps lies in the
// sequence's own blocks: that of drafted tokens is behind what is computed, and the step that confirms them
// puts the model's in its place. So nothing is to be remembered from draft to draft.
#pragma once
#include "engine/loop/drafter.h"
#include "engine/runner.h"
#include "engine/sampling/draw_list.h"

namespace ferrum {

class MtpDrafter final : public Drafter {
 public:
  // The runner, whose model has such a head, outlives the drafter.
  explicit MtpDrafter(Runner& runner) : runner_(runner), draws_(runner.vocab()) {}

  std::optional<int> kind(Sequence& s) override;
  void draft(std::span<Sequence* const> sequences) override;

 private:
  // Adds the row of the sequence's last token, or of the last drafted one.
  void collect(Sequence& s);
  // Runs a step for chunks_, whose sequences get a token, and a next chunk if they want more.
  void run();

  Runner& runner_;

  // Reused from call to call.
  std::vector<BlockCopy> copies_;
  std::vector<Chunk> chunks_;
  DrawList draws_;                          // a group for each chunk
  std::vector<Sequence*> going_on_, next_;  // of each chunk
  std::vector<TokenId> history_;
};

}  // namespace ferrum
