// A sampler with memory of its own.
#pragma once
#include "engine/sampling/sampler.h"

namespace ferrum::test {

class TestSampler : public Sampler {
 public:
  using Sampler::Sampler;
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history) {
    return Sampler::sample(logits, history, memory_);
  }

 private:
  SamplerMemory memory_;
};

}  // namespace ferrum::test
