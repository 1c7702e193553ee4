// Draws of rows of logits on the host, as the CPU backend makes them.
#pragma once
#include <memory>

#include "backend/cpu/cpu_backend.h"
#include "engine/draw_stage.h"
#include "engine/sampling/sampler.h"

namespace ferrum::test {

// The draws of `list`, of rows [rows, list.width()] one after the other. Valid until the next call.
class HostDraws {
 public:
  explicit HostDraws(int vocab, int draws = 1024) : HostDraws(DrawStage::Limits{draws, vocab}) {}

  // The rows may change meanwhile, and are as they were when this returns.
  void issue(std::span<const float> rows, const DrawList& list) {
    upload_.begin();
    stage_.prepare(list);
    upload_.send();
    float* const data = const_cast<float*>(rows.data());
    stage_.issue(
        {data, DType::kF32, static_cast<int>(rows.size()) / list.width(), list.width(), list.width()}, list);
  }
  DrawnTokens collect() { return stage_.collect(); }

 private:
  explicit HostDraws(const DrawStage::Limits& limits)
      : arena_(backend()),
        upload_(backend(), arena_, DrawStage::upload_bytes(limits)),
        stage_(backend(), upload_, limits) {}
  static CpuBackend& backend() {
    static thread_local CpuBackend backend({.threads = 1});
    return backend;
  }

  BackendArena arena_;
  StepUpload upload_;
  DrawStage stage_;
};

// A sampler that draws at once.
class TestSampler : public Sampler {
 public:
  using Sampler::Sampler;

  TokenId sample(std::span<const float> logits, std::span<const TokenId> history) {
    const Drawn drawn = draw(logits, history);
    take(drawn);
    return drawn.token;
  }
  // The same, and no later draw knows of it.
  TokenId propose(std::span<const float> logits, std::span<const TokenId> history) {
    return draw(logits, history).token;
  }

 private:
  Drawn draw(std::span<const float> logits, std::span<const TokenId> history) {
    if (!list_ || list_->vocab() != static_cast<int>(logits.size())) {
      list_ = std::make_shared<DrawList>(static_cast<int>(logits.size()));
      draws_ = std::make_shared<HostDraws>(static_cast<int>(logits.size()), 1);
    }
    list_->clear();
    list_->begin_group();
    ask(history, 0, *list_);
    draws_->issue(logits, *list_);
    const Drawn drawn = draws_->collect().drawn[0];
    require_drawn(drawn, history.size());
    return drawn;
  }

  std::shared_ptr<DrawList> list_;  // of copies too: a draw is over when the next one begins
  std::shared_ptr<HostDraws> draws_;
};

}  // namespace ferrum::test
