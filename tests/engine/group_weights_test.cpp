// Models with weights in groups of 4-bit integers against the same models with the same weights in float32.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "engine/golden.h"
#include "support/group_weights.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using test::GroupSpec;
using test::GroupWeight;
using test::SafetensorsBytes;
using Layout = GroupSpec::Layout;
namespace fs = std::filesystem;

struct Case {
  const char* name;
  const char* golden;  // whose shape, embeddings, norms and biases the model has
  GroupSpec spec;
  nlohmann::json quantization;
  std::string kept;  // a part of the names of the projections that stay floats
};

std::vector<Case> cases() {
  return {
      // q, k and v, gate and up each order the columns in their own way.
      {"GptqActOrder",
       "llama_f16_256",
       {.group = 32, .ordered = true},
       {{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 32}, {"desc_act", true}, {"sym", false}},
       ""},
      {"GptqWholeRowsTiedHeadBiases",
       "qwen2",
       {.layout = Layout::kGptqV2, .group = -1, .symmetric = true},
       {{"quant_method", "gptq"},
        {"bits", 4},
        {"group_size", -1},
        {"sym", true},
        {"checkpoint_format", "gptq_v2"}},
       ""},
      {"AwqSymmetricSomeNotConverted",
       "qwen3_256",
       {.layout = Layout::kAwq, .symmetric = true, .with_zeros = false},
       {{"quant_method", "awq"},
        {"bits", 4},
        {"group_size", 128},
        {"zero_point", false},
        {"version", "GEMM"},
        {"modules_to_not_convert", {"v_proj", "up_proj"}}},
       "0.self_attn.v_proj|1.mlp.up_proj"},
      {"AwqBiases",
       "qwen2",
       {.layout = Layout::kAwq, .group = 32},
       {{"quant_method", "awq"}, {"bits", 4}, {"group_size", 32}, {"zero_point", true}, {"version", "gemm"}},
       ""},
      {"AutoRoundExperts",
       "qwen3_moe_256",
       {.group = 64, .with_index = false},
       {{"quant_method", "auto-round"},
        {"bits", 4},
        {"group_size", 64},
        {"sym", false},
        {"packing_format", "auto_round:auto_gptq"}},
       ""},
      {"GptqExpertsActOrder",
       "qwen3_moe_256",
       {.group = 128, .ordered = true, .scale_type = "BF16"},
       {{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 128}, {"desc_act", true}, {"sym", false}},
       ""},
  };
}

bool is_kept(const std::string& name, const std::string& kept) {
  for (size_t begin = 0; begin < kept.size();) {
    const size_t end = std::min(kept.find('|', begin), kept.size());
    if (name.find(kept.substr(begin, end - begin)) != std::string::npos) return true;
    begin = end + 1;
  }
  return false;
}

// Two folders: the model as its tool wrote it, and with the values in float32.
void write_models(const Case& c, const test::TemporaryFolder& to) {
  const fs::path from = test::data("goldens") / c.golden;
  const auto file = SafetensorsFile::open(from / "model.safetensors");
  SafetensorsBytes quantized, floats;
  uint32_t seed = 0;
  for (const SafetensorsEntry& e : file->entries()) {
    const std::string_view bytes(reinterpret_cast<const char*>(e.bytes.data()), e.bytes.size());
    const bool is_projection = e.name.find("_proj.weight") != std::string::npos;
    if (!is_projection || is_kept(e.name, c.kept)) {
      quantized.tensor(e.name, e.shape, e.type->name, bytes);
      floats.tensor(e.name, e.shape, e.type->name, bytes);
      continue;
    }
    const GroupWeight weight =
        GroupWeight::random(static_cast<int>(e.shape[0]), static_cast<int>(e.shape[1]), c.spec, ++seed);
    weight.add_to(quantized, e.name.substr(0, e.name.size() - std::string_view(".weight").size()), c.spec);
    std::string values;
    for (const float v : weight.values()) values += test::le(v);
    floats.tensor(e.name, e.shape, "F32", values);
  }
  auto config = nlohmann::json::parse(test::read_file(from / "config.json"));
  to.write("floats/config.json", config.dump());
  to.write("floats/model.safetensors", floats.build());
  config["quantization_config"] = c.quantization;
  to.write("quantized/config.json", config.dump());
  to.write("quantized/model.safetensors", quantized.build());
}

class GroupWeights : public testing::TestWithParam<Case> {};

void PrintTo(const Case& c, std::ostream* out) { *out << c.golden; }

TEST_P(GroupWeights, AModelOfThemIsThatOfTheirValues) {
  const test::TemporaryFolder folder;
  write_models(GetParam(), folder);
  const fs::path quantized = folder.path() / "quantized";
  test::Golden golden = test::read_golden(test::data("goldens") / GetParam().golden);
  test::RouterLogits choices;
  golden.logits = test::compute(folder.path() / "floats", golden, {.kept_router_logits = &choices});
  EXPECT_LE(test::relative_error(test::compute(quantized, golden, {}), golden.logits), 1e-6);
  const bool has_experts = !choices.empty();
  const test::RouterLogits* given = has_experts ? &choices : nullptr;
  EXPECT_LE(test::relative_error(
                test::compute(quantized, golden,
                              {.backend = "cpu", .activations = "f32", .given_router_logits = given}),
                golden.logits),
            1e-4);
  const std::vector<float> bytes =
      test::compute(quantized, golden, {.backend = "cpu", .given_router_logits = given});
  EXPECT_LE(test::normalized_square_error(bytes, golden.logits), 1e-3);
  if (!has_experts) {
    EXPECT_EQ(test::compute(quantized, golden, {.backend = "cpu", .chunk = 7}), bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, GroupWeights, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ferrum
