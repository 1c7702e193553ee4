// Small checkpoints of every architecture: what transformers computes in float32, at every position, from the
// folder and from the GGUF file that llama.cpp's converter makes of it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/convert.h"
#include "engine/golden.h"
#include "support/file_bytes.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::compute;
using test::Golden;
using test::read_golden;
using test::relative_error;

std::string test_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

void expect_agreement(const std::filesystem::path& model, const Golden& golden) {
  EXPECT_LE(relative_error(compute(model, golden, {}), golden.logits), 2e-4);
  const test::Setup cpu = {.backend = "cpu", .activations = "f32"};
  const std::vector<float> whole = compute(model, golden, cpu);
  EXPECT_LE(relative_error(whole, golden.logits), 1e-3);
  test::Setup in_pieces = cpu;
  in_pieces.chunk = 7;
  EXPECT_EQ(compute(model, golden, in_pieces), whole) << "bit for bit, however the prompt is cut";
}

class ArchitectureFolders : public ::testing::TestWithParam<std::string> {};

TEST_P(ArchitectureFolders, Agree) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  expect_agreement(folder, read_golden(folder));
}

INSTANTIATE_TEST_SUITE_P(
    HuggingFace, ArchitectureFolders,
    ::testing::Values("mixtral", "olmoe", "olmoe_clip", "olmo2", "olmo3", "phi3_longrope_long",
                      "phi3_longrope_short", "phi3_window", "gemma2", "gemma3", "gemma3_multimodal",
                      "gpt_oss", "gpt_oss_truncate", "gpt_oss_mxfp4", "granite", "granitemoe",
                      "granitemoeshared", "smollm3", "ministral3", "mistral3_ministral3", "seed_oss",
                      "ernie4_5", "ernie4_5_moe", "hunyuan_dense", "hunyuan_moe", "glm4", "glm4_moe",
                      "minimax_m2", "cohere2", "exaone4", "qwen2_moe", "starcoder2", "mellum", "afmoe",
                      "laguna", "arcee", "apertus", "hy_v3", "exaone_moe", "mimo_v2", "muse_glimmer"),
    test_name);

class ArchitectureFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(ArchitectureFiles, Agree) {
  const auto file = test::shared("goldens2/gguf") / (GetParam() + ".gguf");
  FERRUM_NEEDS_SHARED(file);
  expect_agreement(file, read_golden(test::shared("goldens2") / GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Gguf, ArchitectureFiles,
                         ::testing::Values("mixtral", "olmoe", "olmo2", "olmo3", "phi3_longrope_long",
                                           "gemma2", "gemma3", "gpt_oss_truncate", "gpt_oss_mxfp4", "granite",
                                           "granitemoe", "granitemoeshared", "smollm3", "ministral3",
                                           "seed_oss", "ernie4_5", "hunyuan_dense", "hunyuan_moe", "glm4",
                                           "glm4_moe", "minimax_m2", "cohere2", "qwen2_moe", "starcoder2",
                                           "afmoe", "laguna", "arcee", "apertus", "hy_v3", "exaone_moe",
                                           "muse_glimmer"),
                         test_name);

class ArchitectureConversions : public ::testing::TestWithParam<std::string> {};

// Ferrum's own GGUF file of a folder is the same model.
TEST_P(ArchitectureConversions, Agree) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  const test::TemporaryFolder temporary;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {});
  const Golden golden = read_golden(folder);
  EXPECT_LE(relative_error(compute(file, golden, {}), golden.logits), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, ArchitectureConversions,
                         ::testing::Values("mixtral", "olmoe", "olmoe_clip", "olmo2", "olmo3",
                                           "phi3_longrope_long", "phi3_window", "gemma2", "gemma3",
                                           "gemma3_multimodal", "gpt_oss_truncate", "granite", "granitemoe",
                                           "granitemoeshared", "smollm3", "ministral3", "mistral3_ministral3",
                                           "seed_oss", "ernie4_5", "ernie4_5_moe", "hunyuan_dense",
                                           "hunyuan_moe", "glm4", "glm4_moe", "minimax_m2", "cohere2",
                                           "exaone4", "qwen2_moe", "starcoder2", "mellum", "afmoe", "laguna",
                                           "arcee", "apertus", "hy_v3", "exaone_moe", "mimo_v2"),
                         test_name);

}  // namespace
}  // namespace ferrum
