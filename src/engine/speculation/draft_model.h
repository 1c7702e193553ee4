// A draft model, loaded beside the model that it drafts for.
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
  // `runner` is what the drafted-for model is run with. Error kBadArgument if the vocabularies differ: every
  // token of either must be spelled alike in both, though a model may pad its table.
  DraftModel(const std::filesystem::path& path, const Checkpoint& target, const Tokenizer* tokenizer,
             const RunnerOptions& runner);

  MemoryPlan memory() const { return memory_plan(*checkpoint_, options_, 0); }
  // On the target's backend: they take turns.
  void load(const std::shared_ptr<Backend>& backend, const PrefixCache::Options& cache,
            const LoadProgress& progress);
  Drafter& drafter() { return *drafter_; }  // once it is loaded

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
  RunnerOptions options_;
  int target_vocab_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<ModelDrafter> drafter_;
};

}  // namespace ferrum
