// Drafts with a smaller model of the same vocabulary, which keeps keys and values of its own. It draws as the
// sequence's own sampler does, with the same random numbers: where both models find the same tokens likely
// they draw the same.
#pragma once
#include "cache/prefix_cache.h"
#include "engine/sampling/sampler_memory.h"
#include "engine/speculation/drafter.h"
#include "engine/step_runner.h"

namespace ferrum {

class ModelDrafter final : public Drafter {
 public:
  struct Limits {
    int batch_tokens = 0;  // rows of a step
    int max_context = 0;   // tokens of a sequence; no draft goes past it
    int vocab = 0;         // of the model that is drafted for: it or this one may have a padded table
    PrefixCache::Options cache;
  };
  // The runner outlives the drafter, and the drafter every sequence's memory.
  ModelDrafter(StepRunner& runner, const Limits& limits);

  std::optional<int> kind(Sequence& s) override;
  void draft(std::span<Sequence* const> sequences) override;

 private:
  class Memory;
  static Memory& memory_of(Sequence& s);
  // Collects a chunk of what the model has not seen of a sequence: the step's last rows if `budget` allows.
  void catch_up(Sequence& s, int& budget);
  // One step for chunks_. Those who go on get a token more, and a chunk for the next if they want another.
  void run();
  bool knows(std::span<const TokenId> tokens) const;
  std::span<const float> over_vocab(std::span<const float> logits);
  void collect(Sequence& s, std::span<const TokenId> tokens, Outputs outputs);

  StepRunner& runner_;
  Limits limits_;
  PrefixCache cache_;
  SamplerMemory sampling_;

  // Reused from call to call.
  std::vector<BlockCopy> copies_;
  std::vector<Chunk> chunks_;
  std::vector<Sequence*> going_on_, next_;  // whose chunks give logits
  std::vector<TokenId> history_;
  std::vector<float> row_;  // [vocab]
};

}  // namespace ferrum
