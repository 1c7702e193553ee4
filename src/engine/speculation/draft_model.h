// A draft model, loaded beside its target model.
#pragma once
#include <filesystem>
#include <memory>

#include "engine/memory_plan.h"
#include "engine/runner.h"
#include "engine/speculation/model_drafter.h"
#include "text/tokenizer.h"

namespace ferrum {

class DraftModel {
 public:
  // Throws kBadArgument if the vocabularies differ: every token must have the same spelling in both, though a
  // model may pad its table.
  DraftModel(const std::filesystem::path& path, const Checkpoint& target, const Tokenizer* tokenizer);

  // The target model will run with these options. Comes before memory() and load().
  void run_beside(const RunnerOptions& runner);

  // Without the memory of kernels, which both models use.
  MemoryPlan memory(KvLayout layout) const {
    return memory_plan(*checkpoint_, options_, DeviceMemory{.kv_layout = layout});
  }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  // Uses the target's backend: the models take turns.
  void load(const std::shared_ptr<Backend>& backend, PrefixCache::Reuse reuse, const LoadProgress& progress);
  Drafter& drafter() { return *drafter_; }  // requires load()

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
  RunnerOptions options_;
  int target_vocab_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<ModelDrafter> drafter_;
};

}  // namespace ferrum
