// Recorded answers as a checkpoint: a model without layers and weights, whose vocabulary and chat template
// are those of the answers.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "text/tokenizer_spec.h"

namespace ferrum {

class ReplayCheckpoint final : public Checkpoint {
 public:
  ReplayCheckpoint(std::string name, std::string chat_template, TokenizerSpec vocabulary);

  const ModelDescription& model() const override { return model_; }
  Naming naming() const override { return Naming::kHuggingFace; }
  const HostTensor* find(const TensorKey&) const override { return nullptr; }
  const std::vector<HostTensor>& tensors() const override { return tensors_; }
  std::string format() const override { return "recorded answers"; }
  Format main_format() const override { return Format::kF32; }
  uint64_t bytes() const override { return 0; }
  bool intact() const override { return true; }
  void release(const HostTensor&) const override {}
  std::unique_ptr<const Tokenizer> load_tokenizer() const override { return Tokenizer::make(vocabulary_); }
  std::optional<std::string> chat_template() const override { return chat_template_; }
  const GenerationDefaults& generation() const override { return generation_; }

 private:
  std::string chat_template_;
  TokenizerSpec vocabulary_;
  ModelDescription model_;
  std::vector<HostTensor> tensors_;  // none
  GenerationDefaults generation_;
};

}  // namespace ferrum
