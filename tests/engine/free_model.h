// A model that costs nothing: its logits are there already, other ones for each step and row.
#pragma once
#include <vector>

#include "base/random.h"
#include "engine/logits_model.h"

namespace ferrum::test {

class FreeModel final : public LogitsModel {
 public:
  // Maximum number of chunks in a step.
  FreeModel(int sequences, int vocab)
      : vocab_(static_cast<size_t>(vocab)), logits_((static_cast<size_t>(sequences) + kTurns) * vocab_) {
    for (size_t i = 0; i < logits_.size(); ++i) logits_[i] = static_cast<float>(4 * random_uniform(1, i));
  }

  std::span<const float> step(std::span<const Chunk> chunks) override {
    return std::span(logits_).subspan(turn_++ % kTurns * vocab_, chunks.size() * vocab_);
  }
  void copy_blocks(std::span<const BlockCopy>) override {}
  void read_hidden(std::span<float>) override {}
  int hidden() const override { return 0; }
  int vocab() const override { return static_cast<int>(vocab_); }

 private:
  static constexpr size_t kTurns = 64;
  size_t vocab_;
  std::vector<float> logits_;
  size_t turn_ = 0;
};

}  // namespace ferrum::test
