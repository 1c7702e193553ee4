// The engine behind the public interface: one model, one sequence at a time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/prompt_builder.h"
#include "engine/runner.h"
#include "engine/sampler.h"
#include "ferrum/engine.h"

namespace ferrum {

class LocalEngine final : public Engine {
 public:
  LocalEngine(const EngineOptions& options, const LoadObserver& observer);

  const ModelInfo& info() const override { return info_; }
  const MemoryPlan& memory() const override { return memory_; }
  SamplingOptions recommended_sampling() const override;
  void generate(const Request& request, const std::function<void(const Event&)>& on_event,
                std::stop_token cancel) override;

 private:
  class Answer;  // one request on its way

  // Computes keys and values of tokens[cached …] and gives the logits after the last of them. Empty if
  // cancelled.
  std::span<const float> advance(std::span<const TokenId> tokens, const std::stop_token& cancel);
  SequenceFacts facts_of(const Request& request, size_t prompt_tokens);
  std::shared_ptr<const DryBreakers> breakers_of(const SamplingOptions& sampling);

  std::shared_ptr<const Checkpoint> checkpoint_;
  PromptBuilder prompts_;
  std::unique_ptr<Runner> runner_;
  ModelInfo info_;
  MemoryPlan memory_;
  std::vector<TokenId> stop_tokens_;
  std::vector<int> blocks_;      // all pages belong to the one sequence
  std::vector<TokenId> cached_;  // tokens whose keys and values the pages hold
  SamplerMemory sampler_memory_;
  std::vector<std::string> breaker_strings_;  // that breakers_ were made of
  std::shared_ptr<const DryBreakers> breakers_;
};

}  // namespace ferrum
