// Small checkpoints of every architecture: what transformers computes in float32, at every position, from the
// folder and from the GGUF file that llama.cpp's converter makes of it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/safetensors/safetensors.h"
#include "checkpoint/safetensors/safetensors_writer.h"
#include "checkpoint/writers/convert.h"
#include "engine/backend_factory.h"
#include "engine/golden.h"
#include "support/errors.h"
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
                      "laguna", "arcee", "apertus", "hy_v3", "exaone_moe", "mimo_v2", "muse_glimmer",
                      "qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text",
                      "nemotron_h", "nemotron_h_moe", "granitemoehybrid", "bamba", "falcon_h1",
                      "gemma4_dense", "gemma4_moe", "gemma4_e2b", "gemma4_multimodal", "lfm2", "lfm2_moe",
                      "lfm3", "kimi_linear"),
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
                                           "muse_glimmer", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text",
                                           "nemotron_h_moe", "granitemoehybrid", "gemma4_dense", "gemma4_moe",
                                           "gemma4_e2b", "lfm2", "lfm2_moe"),
                         test_name);

// Vectors instead of tokens, also beside them in one batch, and the states behind the last norm.
class HiddenStates : public ::testing::TestWithParam<std::string> {};

// Of two sequences with the same text; where there are vectors, these rows of the first come as them.
std::vector<float> first_rows(Runner& runner, int sequence_blocks, std::span<const TokenId> tokens,
                              const VectorRows& vectors, std::vector<float>& states) {
  const std::vector<BlockId> blocks = first_blocks(runner.blocks());
  const auto of = [&](int s) {
    return std::span(blocks).subspan(static_cast<size_t>(s * sequence_blocks),
                                     static_cast<size_t>(sequence_blocks));
  };
  std::vector<TokenId> mixed(tokens.begin(), tokens.end());
  for (const int position : vectors.positions) mixed[static_cast<size_t>(position)] = kVectorRow;
  const std::vector<Chunk> chunks = {
      {.tokens = mixed, .blocks = of(0), .outputs = Outputs::kAll, .vectors = &vectors},
      {.tokens = tokens, .blocks = of(1), .outputs = Outputs::kAll}};
  const std::span<const float> logits = runner.step(chunks);
  states.resize(2 * tokens.size() * static_cast<size_t>(runner.checkpoint().model().hidden));
  runner.read_hidden(states);
  return {logits.begin(), logits.end()};
}

TEST_P(HiddenStates, AreTheGoldensAndThoseOfVectorsThoseOfTokens) {
  const auto folder = test::shared("goldens2") / GetParam();
  FERRUM_NEEDS_SHARED(folder);
  const Golden golden = read_golden(folder);
  const auto file = SafetensorsFile::open(folder / "golden.safetensors");
  const std::vector<float> expected = decoded(file->tensor("hidden"));
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder);
  const int length = golden.length;
  const auto hidden = static_cast<size_t>(checkpoint->model().hidden);
  Runner runner(make_backend({.name = "cpu", .threads = 2, .activations = "f32"}), checkpoint,
                {.max_tokens = 2 * length,
                 .max_sequences = 2,
                 .max_outputs = 2 * length,
                 .max_context = length,
                 .kv_tokens = 2 * length,
                 .max_vectors = length,
                 .kv_dtype = DType::kF32});
  const std::span<const TokenId> tokens = std::span(golden.ids).first(static_cast<size_t>(length));
  const int blocks_each = runner.blocks() / 2;
  std::vector<float> states;
  const std::vector<float> logits = first_rows(runner, blocks_each, tokens, {}, states);
  const std::span<const float> first(states.data(), static_cast<size_t>(length) * hidden);
  EXPECT_LE(relative_error(std::vector(first.begin(), first.end()),
                           std::vector(expected.begin(), expected.begin() + length * hidden)),
            1e-3);

  const HostTensor& table = *checkpoint->find({TensorRole::kEmbedding});
  // All rows, and every third.
  for (const int each : {1, 3}) {
    VectorRows vectors;
    for (int i = 0; i < length; i += each) {
      vectors.positions.push_back(i);
      vectors.values.resize(vectors.positions.size() * hidden);
      decode_rows(table, tokens[static_cast<size_t>(i)], 1, &vectors.values[vectors.values.size() - hidden]);
    }
    if (!checkpoint->model().scales_vectors)
      for (float& value : vectors.values) value *= checkpoint->model().embedding_scale;
    std::vector<float> of_vectors;
    EXPECT_EQ(first_rows(runner, blocks_each, tokens, vectors, of_vectors), logits);
    EXPECT_EQ(of_vectors, states);
  }
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, HiddenStates,
                         ::testing::Values("mixtral", "olmo2", "gemma3", "granite", "cohere2", "afmoe",
                                           "gpt_oss_truncate", "deepseek_v3", "nemotron_h", "falcon_h1"),
                         test_name);

// Sizes and switches of models with Mamba-2 layers that no published model has together.
class HybridSwitches : public ::testing::TestWithParam<std::string> {};

TEST_P(HybridSwitches, Agree) {
  const auto folder = test::data("goldens/hybrids/" + GetParam());
  expect_agreement(folder, read_golden(folder));
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, HybridSwitches,
                         ::testing::Values("nemotron_h_switches", "nemotron_h_latent", "granite_h_dense",
                                           "granite_h_without_attention", "bamba_switches",
                                           "falcon_h1_norm_first", "falcon_h1_norm"),
                         test_name);

// Models that are others with a few switches set (tests/data/goldens/generate_relatives.py).
class Relatives : public ::testing::TestWithParam<std::string> {};

TEST_P(Relatives, Agree) {
  const auto folder = test::data("goldens/relatives/" + GetParam());
  expect_agreement(folder, read_golden(folder));
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, Relatives,
                         ::testing::Values("glm", "cohere", "nemotron", "stablelm", "stablelm_parallel",
                                           "phi", "dots1", "dots1_groups", "qwen2_5_vl", "qwen3_vl",
                                           "qwen3_vl_moe", "ministral", "cwm", "internlm3", "helium",
                                           "exaone", "solar_open", "vaultgemma", "minicpm3", "minicpm",
                                           "gpt_neox", "gpt_neox_in_turn", "internlm2", "mamba2", "olmo",
                                           "falcon", "falcon_groups", "falcon_norms", "bailing_moe_v2",
                                           "llama4", "llama4_text", "llama4_lists", "phimoe", "phimoe_same",
                                           "phimoe_short", "gpt2", "gpt2_by_layer", "gpt_bigcode",
                                           "gpt_bigcode_heads", "step3p7", "step3p5"),
                         test_name);

class RelativesInGguf : public ::testing::TestWithParam<std::string> {};

TEST_P(RelativesInGguf, Agree) {
  const auto folder = test::data("goldens/relatives/" + GetParam());
  const test::TemporaryFolder temporary;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {});
  const Golden golden = read_golden(folder);
  EXPECT_LE(relative_error(compute(file, golden, {}), golden.logits), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(Converted, RelativesInGguf,
                         ::testing::Values("glm", "cohere", "nemotron", "stablelm", "stablelm_parallel",
                                           "phi", "dots1", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe",
                                           "ministral", "cwm", "helium", "exaone", "solar_open", "minicpm",
                                           "gpt_neox", "gpt_neox_in_turn", "internlm2", "mamba2", "olmo",
                                           "falcon", "falcon_groups", "bailing_moe_v2", "llama4",
                                           "llama4_text", "phimoe_same", "gpt2", "gpt_bigcode",
                                           "gpt_bigcode_heads"),
                         test_name);

// GGUF has the norms of such layers under names that depend on how many there are.
TEST(RelativesInGgufFaults, FalconWithTwoNormsInALayerIsRefused) {
  const test::TemporaryFolder temporary;
  test::expect_error(ErrorCode::kUnsupported, {"falcon_norms", "GGUF has no layout"}, [&] {
    convert(test::data("goldens/relatives/falcon_norms"), temporary.path() / "model.gguf", {});
  });
}

// Readers take it for granted which layers of Llama 4 are rotated.
TEST(RelativesInGgufFaults, Llama4WithAnOrderOfItsOwnIsRefused) {
  const test::TemporaryFolder temporary;
  test::expect_error(ErrorCode::kUnsupported, {"llama4", "GGUF has no key"}, [&] {
    convert(test::data("goldens/relatives/llama4_lists"), temporary.path() / "model.gguf", {});
  });
}

TEST(RelativesInGgufFaults, PhiMoeWithTwoMagnitudesIsRefused) {
  const test::TemporaryFolder temporary;
  test::expect_error(ErrorCode::kUnsupported, {"phimoe", "short_mscale", "GGUF has no key"}, [&] {
    convert(test::data("goldens/relatives/phimoe"), temporary.path() / "model.gguf", {});
  });
}

TEST(RelativesInGgufFaults, Gpt2WithScalesByLayerIsRefused) {
  const test::TemporaryFolder temporary;
  test::expect_error(ErrorCode::kUnsupported, {"gpt2", "GGUF has no key"}, [&] {
    convert(test::data("goldens/relatives/gpt2_by_layer"), temporary.path() / "model.gguf", {});
  });
}

TEST(RelativesInGgufFaults, StepIsRunFromFolders) {
  const test::TemporaryFolder temporary;
  test::expect_error(ErrorCode::kUnsupported, {"step3p5", "GGUF has no layout"}, [&] {
    convert(test::data("goldens/relatives/step3p5"), temporary.path() / "model.gguf", {});
  });
}

// Where the table of positions ends, so does the context.
TEST(LearnedPositions, ALongerContextIsRefused) {
  const auto folder = test::data("goldens/relatives/gpt2");
  const std::shared_ptr<const Checkpoint> checkpoint = Checkpoint::open(folder);
  const auto open = [&](int context) {
    return Runner(make_backend({.name = "cpu", .threads = 1}), checkpoint,
                  {.max_tokens = 16, .max_sequences = 1, .max_context = context, .kv_tokens = context});
  };
  open(64);
  test::expect_error(ErrorCode::kUnsupported, {"65 tokens", "64 positions"}, [&] { open(65); });
}

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

INSTANTIATE_TEST_SUITE_P(
    HuggingFace, ArchitectureConversions,
    ::testing::Values("mixtral", "olmoe", "olmoe_clip", "olmo2", "olmo3", "phi3_longrope_long", "phi3_window",
                      "gemma2", "gemma3", "gemma3_multimodal", "gpt_oss", "gpt_oss_truncate", "granite",
                      "granitemoe", "granitemoeshared", "smollm3", "ministral3", "mistral3_ministral3",
                      "seed_oss", "ernie4_5", "ernie4_5_moe", "hunyuan_dense", "hunyuan_moe", "glm4",
                      "glm4_moe", "minimax_m2", "cohere2", "exaone4", "qwen2_moe", "starcoder2", "mellum",
                      "afmoe", "laguna", "arcee", "apertus", "hy_v3", "exaone_moe", "mimo_v2", "qwen3_next",
                      "qwen3_5", "nemotron_h", "nemotron_h_moe", "granitemoehybrid", "bamba", "falcon_h1",
                      "qwen3_5_moe_text", "lfm2", "lfm2_moe", "kimi_linear", "gemma4_dense", "gemma4_moe",
                      "gemma4_e2b", "gemma4_multimodal"),
    test_name);

class HybridConversions : public ::testing::TestWithParam<std::string> {};

// GGUF has Falcon's factors in the weights, which are not rounded again.
TEST_P(HybridConversions, Agree) {
  const auto folder = test::data("goldens/hybrids/" + GetParam());
  const test::TemporaryFolder temporary;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {});
  const Golden golden = read_golden(folder);
  EXPECT_LE(relative_error(compute(file, golden, {}), golden.logits), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, HybridConversions,
                         ::testing::Values("nemotron_h_latent", "granite_h_without_attention",
                                           "bamba_switches", "falcon_h1_norm"),
                         test_name);

// The converter rounds the weights to bf16 with Falcon's factors in them: once more than those of the folder.
TEST(HybridFiles, FalconAgreesButForTheRounding) {
  const auto file = test::shared("goldens2/gguf/falcon_h1.gguf");
  FERRUM_NEEDS_SHARED(file);
  const Golden golden = read_golden(test::shared("goldens2/falcon_h1"));
  EXPECT_LE(relative_error(compute(file, golden, {}), golden.logits), 1.5e-2);
}

TEST(HybridConversionFaults, WhatGgufHasNoKeyForIsRefused) {
  const test::TemporaryFolder temporary;
  const auto refuse = [&](const char* name, std::string_view word) {
    test::expect_error(ErrorCode::kUnsupported, {name, word}, [&] {
      convert(test::data(std::string("goldens/hybrids/") + name), temporary.path() / "model.gguf", {});
    });
  };
  refuse("nemotron_h_switches", "time_step_min");
  refuse("granite_h_dense", "time_step_limit");
  refuse("falcon_h1_norm_first", "mamba_norm_before_gate");
}

const auto kLatent =
    ::testing::Values("deepseek_v2", "deepseek_v2_lite", "deepseek_v3", "glm4_moe_lite", "mistral3_mistral4");
INSTANTIATE_TEST_SUITE_P(Latent, ArchitectureFolders, kLatent, test_name);
INSTANTIATE_TEST_SUITE_P(Latent, ArchitectureConversions, kLatent, test_name);
INSTANTIATE_TEST_SUITE_P(Latent, ArchitectureFiles,
                         ::testing::Values("deepseek_v2", "deepseek_v3", "glm4_moe_lite"), test_name);

// A golden's folder with more tensors, each of one value.
void copy_with(const std::filesystem::path& golden, const std::filesystem::path& folder,
               const std::vector<std::pair<std::string, int64_t>>& more) {
  std::filesystem::create_directory(folder);
  const auto stored = SafetensorsFile::open(golden / "model.safetensors");
  std::vector<SafetensorsDeclaration> declared;
  for (const SafetensorsEntry& entry : stored->entries())
    declared.push_back({entry.name, entry.type->name, entry.shape});
  for (const auto& [name, size] : more) declared.push_back({name, "F32", {size}});
  SafetensorsWriter writer(folder / "model.safetensors", declared);
  for (const SafetensorsEntry& entry : stored->entries()) writer.append(entry.bytes);
  for (const auto& [name, size] : more) {
    const std::vector<float> values(static_cast<size_t>(size), 0.25F);
    writer.append(std::as_bytes(std::span(values)));
  }
  writer.finish();
}

// Layers that attend have a bias of what their heads give together, beside recurrent layers without.
TEST(LatentConversions, OfBiasesThatSomeLayersHave) {
  const auto golden = test::shared("goldens2/kimi_linear");
  FERRUM_NEEDS_SHARED(golden);
  const test::TemporaryFolder temporary;
  const auto folder = temporary.path() / "model";
  copy_with(golden, folder,
            {{"model.layers.3.self_attn.kv_a_proj_with_mqa.bias", 48},
             {"model.layers.3.self_attn.o_proj.bias", 64}});
  nlohmann::json config = nlohmann::json::parse(std::ifstream(golden / "config.json"));
  config["attention_bias"] = true;
  std::ofstream(folder / "config.json") << config;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {});
  const Golden tokens = read_golden(golden);
  const std::vector<float> expected = compute(folder, tokens, {});
  EXPECT_GT(relative_error(expected, tokens.logits), 1e-3) << "the biases count";
  EXPECT_LE(relative_error(compute(file, tokens, {}), expected), 1e-5);
}

// Halves may be rotated instead of neighbours, in a part of each head; the file has the rows in another
// order.
TEST(LatentConversions, OfRotatedHalves) {
  const auto neighbours = test::shared("goldens2/deepseek_v3");
  FERRUM_NEEDS_SHARED(neighbours);
  const Golden golden = read_golden(neighbours);
  const test::TemporaryFolder temporary;
  const auto folder = temporary.path() / "model";
  std::filesystem::copy(neighbours, folder);
  nlohmann::json config = nlohmann::json::parse(std::ifstream(folder / "config.json"));
  config["rope_interleave"] = false;
  std::ofstream(folder / "config.json") << config;
  const auto file = temporary.path() / "model.gguf";
  convert(folder, file, {});
  const std::vector<float> expected = compute(folder, golden, {});
  EXPECT_GT(relative_error(expected, golden.logits), 1e-3) << "halves are not neighbours";
  EXPECT_LE(relative_error(compute(file, golden, {}), expected), 1e-5);
}

}  // namespace
}  // namespace ferrum
