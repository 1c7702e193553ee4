// Models whose weights are of the types IQ1, IQ2, IQ3 and TQ, of random blocks in the mixtures of their file
// types: every instruction set computes what the reference does.
#include <gtest/gtest.h>

#include "backend/cpu/cpu_backend.h"
#include "checkpoint/writers/synthesize.h"
#include "engine/golden.h"
#include "engine/memory_plan.h"
#include "models/loader.h"
#include "support/files.h"

namespace ferrum {
namespace {

constexpr const char* kConfig = R"({"model_type": "qwen3", "vocab_size": 300, "hidden_size": 256,
  "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 64,
  "max_position_embeddings": 512, "rope_theta": 1000000.0, "eos_token_id": 2, "tie_word_embeddings": false})";
constexpr int kLength = 19;

class CodedModel : public testing::TestWithParam<FileType> {
 protected:
  CodedModel() {
    synthesize(folder_.write("config.json", kConfig), folder_.path() / "model.gguf", {.type = GetParam()});
    checkpoint_ = Checkpoint::open(folder_.path() / "model.gguf");
  }

  static RunnerOptions options() {
    return {.max_tokens = kLength,
            .max_sequences = 1,
            .max_outputs = kLength,
            .max_context = kLength,
            .kv_tokens = kLength,
            .kv_dtype = DType::kF32};
  }

  std::vector<float> logits(std::unique_ptr<Backend> backend) const {
    std::vector<TokenId> ids;
    for (int i = 0; i < kLength; ++i) ids.push_back(3 + 7 * i);
    Runner runner(std::move(backend), checkpoint_, options());
    const std::vector<BlockId> blocks = first_blocks(runner.blocks());
    const std::span<const float> result = runner.step({{Chunk{ids, 0, blocks, Outputs::kAll}}});
    return {result.begin(), result.end()};
  }

  test::TemporaryFolder folder_;
  std::shared_ptr<const Checkpoint> checkpoint_;
};

TEST_P(CodedModel, EveryInstructionSetComputesTheSame) {
  const std::vector<float> expected = logits(make_backend({.name = "reference"}));
  for (const Isa isa : available_isas()) {
    using cpu::Activations;
    const auto computed = [&](Activations activations) {
      return logits(
          std::make_unique<CpuBackend>(CpuOptions{.threads = 2, .isa = isa, .activations = activations}));
    };
    EXPECT_LT(test::relative_error(computed(Activations::kFloat32), expected), 1e-4) << name_of(isa);
    EXPECT_LT(test::relative_error(computed(Activations::kInt8), expected), 0.1) << name_of(isa);
  }
}

// Panels are larger than the file's blocks, and the plan says so.
TEST_P(CodedModel, MemoryIsThatOfThePanels) {
  const CpuBackend backend({.threads = 1});
  const std::vector<WeightSource> weights = weights_of(*checkpoint_);
  EXPECT_GT(backend.growth_of(weights), 0u);
  EXPECT_EQ(memory_plan(*checkpoint_, options(), backend).weights,
            checkpoint_->bytes() + backend.growth_of(weights));
}

INSTANTIATE_TEST_SUITE_P(FileTypes, CodedModel,
                         testing::Values(FileType::kIQ1_S, FileType::kIQ1_M, FileType::kIQ2_XXS,
                                         FileType::kIQ2_M, FileType::kIQ3_XXS, FileType::kIQ3_M,
                                         FileType::kTQ1_0, FileType::kTQ2_0),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum
