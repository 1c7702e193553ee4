// A model that computes logits on the host: the base of those that tests make up.
#pragma once
#include <optional>

#include "engine/step_runner.h"
#include "engine/test_sampler.h"

namespace ferrum::test {

class LogitsModel : public StepRunner {
 public:
  // [outputs, vocab], in order of the chunks. Valid until the next call.
  virtual std::span<const float> step(std::span<const Chunk> chunks) = 0;

  void launch(std::span<const Chunk> chunks, const DrawList& draws) final {
    if (!draws_) draws_.emplace(vocab());
    const std::span<const float> logits = step(chunks);
    draws_->issue(logits, draws);
  }
  DrawnTokens collect() final { return draws_->collect(); }

 private:
  std::optional<HostDraws> draws_;
};

}  // namespace ferrum::test
