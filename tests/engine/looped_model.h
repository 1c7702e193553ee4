// A model with its loop, on one thread of the CPU.
#pragma once
#include <functional>
#include <memory>

#include "engine/backend_factory.h"
#include "engine/kv_store.h"
#include "engine/loop/loop.h"
#include "engine/memory_model.h"
#include "engine/runner.h"

namespace ferrum::test {

class LoopedModel {
 public:
  using MakeDrafter = std::function<std::unique_ptr<Drafter>(Runner&)>;
  // `loop` without what the runner says: the size of blocks, the sequences and the cache.
  LoopedModel(const std::shared_ptr<const Checkpoint>& checkpoint, const RunnerOptions& runner,
              LoopOptions loop, PrefixCache::Reuse reuse, const MakeDrafter& make_drafter = {})
      : runner_(make_backend({.name = "cpu", .threads = 1}), checkpoint, runner),
        drafter_(make_drafter ? make_drafter(runner_) : nullptr),
        loop_(runner_, nullptr, completed(loop, reuse), drafter_.get()) {}

  Loop& loop() { return loop_; }
  KvStore store() {
    return {runner_, loop_.cache(), [](FunctionRef<void()> work) { work(); }, 1};
  }
  SessionHeader header() { return {origin_of(runner_, "cpu"), "", ""}; }
  Choice answer(const Asked& asked) {
    loop_.add(asked.job);
    run(loop_);
    EXPECT_EQ(asked.reader->error.message, "");
    return asked.reader->choices.at(0);
  }

 private:
  const LoopOptions& completed(LoopOptions& loop, PrefixCache::Reuse reuse) const {
    loop.limits.max_sequences = runner_.options().max_sequences;
    loop.limits.block_tokens = runner_.options().block_tokens;
    loop.cache = runner_.cache_options(reuse);
    return loop;
  }

  Runner runner_;
  std::unique_ptr<Drafter> drafter_;
  Loop loop_;
};

}  // namespace ferrum::test
