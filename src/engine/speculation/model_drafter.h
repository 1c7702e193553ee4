// Drafts with a smaller model of the same vocabulary, which has its own KV cache. It samples with the
// sequence's own sampler and random numbers: where both models find the same tokens likely, they draw the
// same.
#pragma once
#include "cache/prefix_cache.h"
#include "engine/loop/drafter.h"
#include "engine/sampling/draw_list.h"
#include "engine/step_runner.h"

namespace ferrum {

class ModelDrafter final : public Drafter {
 public:
  struct Limits {
    int batch_tokens = 0;  // rows per step
    int max_context = 0;   // tokens of a sequence; drafts do not go past it
    int vocab = 0;         // of the target model; either model may have a padded table
    PrefixCache::Options cache;
  };
  // The runner must outlive the drafter, and the drafter every sequence's state.
  ModelDrafter(StepRunner& runner, const Limits& limits);

  std::optional<int> kind(Sequence& s) override;
  void draft(std::span<Sequence* const> sequences) override;

 private:
  class Memory;
  static Memory& memory_of(Sequence& s);
  // Adds a chunk of a sequence's tokens that the draft model has not seen, with logits if `budget` allows.
  void catch_up(Sequence& s, int& budget);
  // Runs a step for chunks_. Sequences with logits get a token, and a next chunk if they want more.
  void run();
  bool knows(std::span<const TokenId> tokens) const;
  void collect(Sequence& s, std::span<const TokenId> tokens, Outputs outputs);

  StepRunner& runner_;
  Limits limits_;
  PrefixCache cache_;

  // Reused from call to call.
  std::vector<BlockCopy> copies_;
  std::vector<Chunk> chunks_;
  DrawList draws_;                          // a group for each chunk that gives logits
  std::vector<Sequence*> going_on_, next_;  // whose chunks give logits
  std::vector<TokenId> history_;
};

}  // namespace ferrum
