// Models that GGUF's readers would take for others are refused, with the switch named.
#include "checkpoint/gguf/gguf_check.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/safetensors/hf_config.h"

namespace ferrum {
namespace {

using nlohmann::json;

std::string check(const char* type, const json& changes = json::object()) {
  json config = {{"model_type", type}, {"hidden_size", 256},     {"intermediate_size", 96},
                 {"vocab_size", 384},  {"num_hidden_layers", 4}, {"num_attention_heads", 32}};
  config.update(changes);
  try {
    check_fits_gguf(parse_hf_config(config.dump(), "config.json").model, "folder");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
    return e.what();
  }
  return "";
}

TEST(GgufCheck, DefaultsOfTheArchitecturesFit) {
  for (const char* type : {"llama",
                           "mistral",
                           "mixtral",
                           "ministral3",
                           "qwen2",
                           "qwen2_moe",
                           "qwen3",
                           "qwen3_moe",
                           "olmo2",
                           "olmo3",
                           "olmoe",
                           "gemma",
                           "gemma2",
                           "gemma3_text",
                           "granite",
                           "granitemoe",
                           "smollm3",
                           "seed_oss",
                           "ernie4_5",
                           "ernie4_5_moe",
                           "hunyuan_v1_dense",
                           "hy_v3",
                           "glm4",
                           "glm4_moe",
                           "minimax_m2",
                           "cohere2",
                           "exaone4",
                           "exaone_moe",
                           "starcoder2",
                           "mellum",
                           "laguna",
                           "arcee",
                           "mimo_v2_flash",
                           "muse_glimmer_text",
                           "deepseek_v3",
                           "glm4_moe_lite",
                           "mistral4"})
    EXPECT_EQ(check(type), "") << type;
  EXPECT_EQ(check("gpt_oss"), "") << "there is a key for YaRN without rounding";
  EXPECT_EQ(check("afmoe", {{"mup_enabled", true}}), "");
  EXPECT_EQ(check("deepseek_v3", {{"rope_interleave", false}}), "");
  EXPECT_EQ(check("deepseek_v2", {{"num_experts_per_tok", 6}}), "");
  EXPECT_EQ(check("exaone4", {{"sliding_window", nullptr}}), "") << "without windows every layer rotates";
}

TEST(GgufCheck, SwitchesThatReadersFixAreNamed) {
  const auto expect = [](const char* type, const json& changes, std::string_view what) {
    const std::string message = check(type, changes);
    EXPECT_NE(message.find(what), std::string::npos) << type << ": " << message;
  };
  expect("smollm3", {{"no_rope_layers", {0, 1, 1, 0}}}, "folder: the rotation of layer 0");
  expect("smollm3",
         {{"sliding_window", 8}, {"layer_types", std::vector<std::string>(4, "sliding_attention")}},
         "the window of layer 0");
  expect("arcee", {{"hidden_act", "silu"}}, "the activation function");
  expect("starcoder2", {{"hidden_act", "gelu"}}, "the activation function");
  expect("afmoe", json::object(), "the scale of embeddings");
  expect("gemma2", {{"final_logit_softcapping", nullptr}}, "the cap of logits");
  expect("laguna", {{"moe_router_logit_softcapping", 1.5}}, "the cap of the router's logits");
  expect("ernie4_5_moe", {{"moe_norm_min", 0.5}}, "the least sum of experts' weights");
  expect("exaone4", {{"layer_types", std::vector<std::string>(4, "full_attention")}},
         "the rotation of layer 0");
  expect("muse_glimmer_text", {{"post_norm_eps", 1e-3}}, "the epsilon of the norms after a part");
  expect("deepseek_v3",
         {{"rope_parameters",
           {{"rope_type", "yarn"},
            {"factor", 4},
            {"original_max_position_embeddings", 64},
            {"mscale", 0.7},
            {"mscale_all_dim", 1.0}}}},
         "the magnitude of the rotation");
  expect("deepseek_v3",
         {{"rope_parameters",
           {{"rope_type", "yarn"},
            {"factor", 4},
            {"original_max_position_embeddings", 64},
            {"attention_factor", 1.3}}}},
         "the magnitude of the rotation");
}

}  // namespace
}  // namespace ferrum
