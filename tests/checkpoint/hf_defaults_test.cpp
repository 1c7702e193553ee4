// What configurations of the architectures mean where they are silent, and switches whose two spellings or
// whose absence decide: as the classes of transformers read them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/safetensors/hf_config.h"

namespace ferrum {
namespace {

using nlohmann::json;
using Kind = RopeScaling::Kind;
using Ropes = std::vector<LayerRope>;

constexpr LayerRope kNone = LayerRope::kNone, kMain = LayerRope::kMain, kWindow = LayerRope::kWindow;

ModelDescription read(const char* type, const json& changes = json::object()) {
  json config = {{"model_type", type}, {"hidden_size", 64},      {"intermediate_size", 96},
                 {"vocab_size", 384},  {"num_hidden_layers", 4}, {"num_attention_heads", 32}};
  config.update(changes);
  return parse_hf_config(config.dump(), "config.json").model;
}

int kv_heads(const ModelDescription& m) { return m.layers.front().attention.kv_heads; }

Ropes ropes(const ModelDescription& m) {
  Ropes result;
  for (const LayerDescription& layer : m.layers) result.push_back(layer.attention.rope);
  return result;
}

std::vector<int> windows(const ModelDescription& m) {
  std::vector<int> result;
  for (const LayerDescription& layer : m.layers) result.push_back(layer.attention.window);
  return result;
}

TEST(HfDefaults, KeyAndValueHeads) {
  EXPECT_EQ(kv_heads(read("gemma3_text")), 4);
  EXPECT_EQ(kv_heads(read("ernie4_5")), 2);
  EXPECT_EQ(kv_heads(read("glm4")), 2);
  EXPECT_EQ(kv_heads(read("smollm3")), 4);
  EXPECT_EQ(kv_heads(read("glm")), 2);
  EXPECT_EQ(kv_heads(read("olmo2")), 32) << "the class has no number of its own";
  EXPECT_EQ(kv_heads(read("smollm3", {{"num_key_value_heads", nullptr}})), 32) << "null is no absence";
}

TEST(HfDefaults, ASizeOfHeadsThatIsNullFollowsFromOthers) {
  EXPECT_EQ(read("seed_oss").layers.front().attention.head_dim, 128);
  EXPECT_EQ(read("seed_oss", {{"head_dim", nullptr}}).layers.front().attention.head_dim, 2);
}

TEST(HfDefaults, Experts) {
  const ModelDescription mixtral = read("mixtral");
  EXPECT_EQ(mixtral.experts(), 8);
  EXPECT_EQ(mixtral.routing.top_k, 2);
  EXPECT_EQ(mixtral.expert_width(), 96);
  const ModelDescription exaone = read("exaone_moe");
  EXPECT_EQ(exaone.experts(), 64);
  EXPECT_EQ(exaone.expert_width(), 1024);
  EXPECT_EQ(exaone.layers.back().feed_forward.shared_width, 1024);
  EXPECT_EQ(exaone.routing.scale, 2.5F);
  EXPECT_EQ(read("laguna").layers.back().feed_forward.shared_width, 512);
}

TEST(HfDefaults, RotationsOfTheClass) {
  const ModelDescription gpt_oss = read("gpt_oss", {{"rope_scaling", nullptr}, {"rope_theta", 150000}});
  EXPECT_EQ(gpt_oss.rope.scaling.kind, Kind::kYarn);
  EXPECT_EQ(gpt_oss.rope.scaling.factor, 32);
  EXPECT_FALSE(gpt_oss.rope.scaling.truncate);
  EXPECT_EQ(gpt_oss.rope.theta, 150000);
  EXPECT_EQ(read("gpt_oss", {{"rope_parameters", {{"rope_type", "default"}}}}).rope.scaling.kind,
            Kind::kNone);
  EXPECT_EQ(read("gpt_oss").rope.theta, 150000);
  EXPECT_EQ(read("apertus").rope.scaling.kind, Kind::kLlama3);
  EXPECT_EQ(read("ministral3").rope.theta, 1e6F);
  EXPECT_EQ(read("mellum").rope.theta, 5e5F);
  EXPECT_EQ(read("mellum").window_rope.theta, 1e4F);
  EXPECT_EQ(read("laguna").rope.rotary_dim, 64);
  EXPECT_EQ(read("laguna").window_rope.rotary_dim, 128);
  EXPECT_EQ(read("mimo_v2_flash").window_rope.theta, 1e4F);
  EXPECT_EQ(read("mimo_v2_flash").rope.rotary_dim, 64);
}

TEST(HfDefaults, NullIsFalsyWhereTheClassKeepsNone) {
  for (const char* type : {"deepseek_v3", "mistral4"}) {
    EXPECT_TRUE(read(type).routing.renormalize) << type;
    EXPECT_FALSE(read(type, {{"norm_topk_prob", nullptr}}).routing.renormalize) << type;
    EXPECT_TRUE(read(type).rope.interleaved) << type;
    EXPECT_FALSE(read(type, {{"rope_interleave", nullptr}}).rope.interleaved) << type;
  }
  EXPECT_TRUE(read("seed_oss").has_bias(TensorRole::kQuery));
  EXPECT_FALSE(read("seed_oss", {{"attention_bias", nullptr}}).has_bias(TensorRole::kQuery));
  EXPECT_EQ(read("glm4").rope.rotary_dim, 64);
  EXPECT_EQ(read("glm4", {{"partial_rotary_factor", nullptr}}).rope.rotary_dim, 128);
}

TEST(HfDefaults, TheShareOfAHeadThatRotatesWhereTheRotationDoesNotSayIt) {
  const json ropes = {{"full_attention", {{"rope_theta", 1e6}}},
                      {"sliding_attention", {{"rope_theta", 1e4}}}};
  const ModelDescription mimo = read("mimo_v2_flash", {{"rope_parameters", ropes}});
  EXPECT_EQ(mimo.rope.rotary_dim, 64);
  EXPECT_EQ(mimo.window_rope.rotary_dim, 64);
  EXPECT_EQ(mimo.rope.theta, 1e6F);
  for (const char* key : {"rope_scaling", "rope_parameters"})
    EXPECT_EQ(read("glm4", {{key, {{"rope_type", "linear"}, {"factor", 2}}}}).rope.rotary_dim, 64) << key;
  EXPECT_EQ(read("qwen3_5_text", {{"rope_parameters", {{"rope_theta", 1e4}}}}).rope.rotary_dim, 64);
}

// Fields that published files have and the classes do not read.
TEST(HfDefaults, FieldsWithoutAMeaningChangeNothing) {
  EXPECT_EQ(read("cohere2", {{"head_dim", 16}, {"rotary_pct", 0.5}}).rope.rotary_dim, 16);
  const ModelDescription hunyuan =
      read("hunyuan_v1_moe", {{"num_experts", 4}, {"moe_intermediate_size", {32, 32, 32, 32}}});
  EXPECT_EQ(hunyuan.expert_width(), 96) << "experts are as wide as the shared one";
  EXPECT_TRUE(read("hy_v3", {{"route_norm", false}}).routing.renormalize);
}

TEST(HfDefaults, WhatScalingsOfTheRotationRead) {
  const auto scaling = [](const json& fields) {
    return read("llama", {{"rope_parameters", fields}}).rope.scaling;
  };
  json yarn = {
      {"rope_type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 32}, {"beta_fast", 0}};
  EXPECT_EQ(scaling(yarn).beta_fast, 32) << "0 counts as absent";
  EXPECT_TRUE(scaling(yarn).truncate);
  yarn["truncate"] = nullptr;
  EXPECT_FALSE(scaling(yarn).truncate);
  EXPECT_FALSE(scaling({{"rope_type", "linear"}, {"factor", 4}, {"attention_factor", 2}}).attention_factor)
      << "not of this kind";
  // One for both kinds of layers.
  yarn["truncate"] = false;
  const json ropes = {{"full_attention", yarn}, {"sliding_attention", {{"rope_theta", 1e4}}}};
  EXPECT_TRUE(read("mellum", {{"rope_parameters", ropes}}).rope.scaling.truncate);
}

TEST(HfDefaults, TheContextBeforeScalingIsTheModelsOwnField) {
  const json yarn = {{"rope_type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 32}};
  const auto original = [&](const char* type, const json& changes) {
    json all = {{"rope_parameters", yarn}};
    all.update(changes);
    return read(type, all).rope.scaling.original_context;
  };
  EXPECT_EQ(original("llama", json::object()), 32);
  EXPECT_EQ(original("llama", {{"original_max_position_embeddings", 64}}), 64);
  EXPECT_EQ(original("phi3", json::object()), 4096) << "the class has the field";
}

TEST(HfDefaults, NomicBertWithAScalingFactorEndsWhereItWasTrained) {
  const auto context = [](const json& changes) {
    json all = {{"n_positions", 8192}};
    all.update(changes);
    return read("nomic_bert", all).context;
  };
  EXPECT_EQ(context({{"rotary_scaling_factor", nullptr}}), 8192);
  EXPECT_EQ(context({{"rotary_scaling_factor", 2}}), 2048);
  EXPECT_EQ(context({{"rotary_scaling_factor", 2}, {"max_trained_positions", 512}}), 512);
}

TEST(HfDefaults, ABaseBesideTheClasssOwnRotation) {
  EXPECT_EQ(read("apertus", {{"rope_theta", 900}}).rope.theta, 12e6F) << "the class's rotation has one";
  EXPECT_EQ(read("gpt_oss", {{"rope_theta", 900}}).rope.theta, 900);
}

TEST(HfDefaults, ABiasThatTheFileDeniesIsNotUsed) {
  const auto denies = [](const json& changes) { return !read("llama", changes).unbiased.empty(); };
  EXPECT_FALSE(denies(json::object()));
  EXPECT_TRUE(denies({{"attention_bias", false}}));
  EXPECT_FALSE(denies({{"attention_bias", true}}));
}

TEST(HfDefaults, KimisWrappingIsReadByItsTextModel) {
  const json text = {{"model_type", "kimi_k2"}, {"hidden_size", 64},        {"intermediate_size", 96},
                     {"vocab_size", 384},       {"num_hidden_layers", 4},   {"num_attention_heads", 4},
                     {"n_routed_experts", 8},   {"num_experts_per_tok", 2}, {"n_group", 1},
                     {"topk_group", 1}};
  json config = {{"model_type", "kimi_k25"},
                 {"architectures", {"KimiK25ForConditionalGeneration"}},
                 {"tie_word_embeddings", false},
                 {"text_config", text}};
  EXPECT_EQ(name_of(*parse_hf_config(config.dump(), "config.json").model.architecture), "deepseek3");
  config["text_config"].erase("model_type");
  EXPECT_EQ(name_of(*parse_hf_config(config.dump(), "config.json").model.architecture), "deepseek3");
}

TEST(HfDefaults, TemperatureInBothSpellingsAndInNone) {
  const json yarn = {{"rope_type", "yarn"},
                     {"factor", 4},
                     {"original_max_position_embeddings", 32},
                     {"llama_4_scaling_beta", 0.3}};
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const ModelDescription m = read("ministral3", {{key, yarn}});
    EXPECT_EQ(m.temperature_beta, 0.3F) << key;
    EXPECT_EQ(m.temperature_length, 32) << key;
  }
  const ModelDescription unscaled = read("ministral3", {{"rope_parameters",
                                                         {{"rope_type", "default"},
                                                          {"original_max_position_embeddings", 16},
                                                          {"llama_4_scaling_beta", 0.2}}}});
  EXPECT_EQ(unscaled.rope.scaling.kind, Kind::kNone);
  EXPECT_EQ(unscaled.temperature_length, 16) << "also where the rotation is not scaled";
  EXPECT_EQ(read("ministral3").temperature_beta, 0.1F);
  EXPECT_EQ(read("ministral3").temperature_length, 16384);
}

TEST(HfDefaults, Gemmas3sWindowsHaveABaseOfTheirOwn) {
  const json full = {{"rope_type", "default"}, {"rope_theta", 5000.0}};
  for (const json& ropes :
       {json{{"full_attention", full}},
        json{{"full_attention", full}, {"sliding_attention", {{"rope_type", "default"}}}}}) {
    const ModelDescription m = read("gemma3_text", {{"rope_parameters", ropes}});
    EXPECT_EQ(m.rope.theta, 5000);
    EXPECT_EQ(m.window_rope.theta, 10000) << ropes;
  }
}

TEST(HfDefaults, FieldsThatTheClassesPassBy) {
  const ModelDescription gemma = read("gemma3_text", {{"_sliding_window_pattern", 2}});
  EXPECT_EQ(windows(gemma), (std::vector{4096, 4096, 4096, 4096}));
  const json dense = {{"decoder_sparse_step", 2}, {"mlp_only_layers", {3}}};
  EXPECT_GT(read("qwen3_5_moe_text", dense).layers[0].feed_forward.experts, 0);
  EXPECT_GT(read("qwen3_5_moe_text", dense).layers[3].feed_forward.experts, 0);
  EXPECT_EQ(read("qwen3_next", dense).layers[0].feed_forward.experts, 0);
}

TEST(HfDefaults, OfModelsThatAreOthersWithAFewSwitches) {
  EXPECT_EQ(read("cohere").rope.theta, 500000);
  const ModelDescription dots =
      read("dots1", {{"n_routed_experts", 8}, {"num_experts_per_tok", 2}, {"n_group", 4}});
  EXPECT_EQ(dots.routing.groups_used, 1);
  EXPECT_EQ(dots.expert_width(), 1408);
  EXPECT_EQ(read("qwen2_5_vl_text").rope.theta, 1e6F);
  EXPECT_EQ(read("qwen3_vl_text").rope.sections, (std::vector{24, 20, 20, 0}));
}

TEST(HfDefaults, NormsOfHeadsThatAreLayerNormsAreRefused) {
  EXPECT_THROW(read("cohere", {{"use_qk_norm", true}}), Error);
  EXPECT_THROW(read("stablelm", {{"qk_layernorm", true}}), Error);
  EXPECT_THROW(read("phi", {{"qk_layernorm", true}}), Error);
}

TEST(HfDefaults, MuseGlimmerCountsFromTheLastLayer) {
  const ModelDescription m = read("muse_glimmer_text", {{"num_hidden_layers", 6}});
  EXPECT_EQ(windows(m), (std::vector{2048, 0, 2048, 2048, 2048, 0}));
  EXPECT_EQ(ropes(m), (Ropes{kMain, kNone, kMain, kMain, kMain, kNone}));
  EXPECT_EQ(m.logit_cap, 20);
  EXPECT_FLOAT_EQ(m.logit_scale, 0.19611614F);
  const ModelDescription listed =
      read("muse_glimmer_text", {{"layer_rope_theta", {0, 10000, 0, 10000}}, {"attention_bias", true}});
  EXPECT_EQ(ropes(listed), (Ropes{kNone, kMain, kNone, kMain})) << "whatever the windows are";
  EXPECT_TRUE(listed.has_bias(TensorRole::kQuery));
}

TEST(HfDefaults, MiMoAsPublishedHasListsOfZerosAndOnes) {
  const ModelDescription m = read("mimo_v2_flash", {{"num_key_value_heads", 4},
                                                    {"sliding_window", 128},
                                                    {"sliding_window_size", 128},
                                                    {"hybrid_layer_pattern", {0, 1, 0, 1}},
                                                    {"moe_layer_freq", {0, 0, 1, 1}},
                                                    {"rope_theta", 7000.0},
                                                    {"swa_rope_theta", 900.0},
                                                    {"layernorm_epsilon", 1e-4}});
  EXPECT_EQ(windows(m), (std::vector{0, 129, 0, 129}));
  EXPECT_EQ(m.layers[1].feed_forward.experts, 0);
  EXPECT_GT(m.layers[2].feed_forward.experts, 0);
  EXPECT_EQ(m.rope.theta, 7000);
  EXPECT_EQ(m.window_rope.theta, 900);
  EXPECT_EQ(m.wiring.eps, 1e-4F);
  EXPECT_THROW(read("mimo_v2_flash", {{"hybrid_layer_pattern", {0, 1}}}), Error);
}

TEST(HfDefaults, Gemma4sUnifiedModelHasAWiderWindow) {
  EXPECT_EQ(read("gemma4_text").window(), 512);
  EXPECT_EQ(read("gemma4_unified_text").window(), 1024);
  EXPECT_THROW(read("gemma4_text", {{"use_bidirectional_attention", "all"}}), Error);
}

TEST(HfDefaults, ProportionalRotationMayBeStretched) {
  const json ropes = {
      {"full_attention", {{"rope_type", "proportional"}, {"partial_rotary_factor", 0.5}, {"factor", 8.0}}},
      {"sliding_attention", {{"rope_type", "default"}}}};
  const ModelDescription m =
      read("gemma4_text", {{"head_dim", 8},
                           {"global_head_dim", 8},
                           {"layer_types", std::vector<std::string>(4, "full_attention")},
                           {"rope_parameters", ropes}});
  ASSERT_EQ(m.rope.frequency_divisors.size(), 4U);
  EXPECT_EQ(m.rope.frequency_divisors[0], 8);
  EXPECT_EQ(m.rope.frequency_divisors[1], 8);
  EXPECT_GT(m.rope.frequency_divisors[2], 1e20F) << "is not rotated";
}

TEST(HfDefaults, TokensOfImagesAndSoundsHaveTheRowOfThePad) {
  json text = {{"model_type", "gemma4_text"},
               {"hidden_size", 64},
               {"intermediate_size", 96},
               {"vocab_size", 384},
               {"num_hidden_layers", 4},
               {"num_attention_heads", 32},
               {"pad_token_id", 5}};
  json config = {{"model_type", "gemma4"}, {"image_token_id", 370}, {"audio_token_id", 371}};
  config["text_config"] = text;
  const ModelDescription m = parse_hf_config(config.dump(), "config.json").model;
  EXPECT_EQ(m.placeholders, (std::vector<int32_t>{370, 371})) << "the usual token of videos is none of its";
  EXPECT_EQ(m.placeholder_row, 5);
  EXPECT_TRUE(read("gemma4_text").placeholders.empty()) << "the text model by itself has no such tokens";
}

TEST(HfDefaults, Gemma3AsPublishedSaysLittle) {
  const json text = {{"model_type", "gemma3_text"},
                     {"hidden_size", 2560},
                     {"intermediate_size", 10240},
                     {"num_hidden_layers", 34},
                     {"rope_scaling", {{"factor", 8.0}, {"rope_type", "linear"}}},
                     {"sliding_window", 1024}};
  const json config = {{"model_type", "gemma3"}, {"text_config", text}};
  const ModelDescription m = parse_hf_config(config.dump(), "config.json").model;
  EXPECT_EQ(m.vocab, 262208);
  EXPECT_EQ(m.first_attention().q_heads, 8);
  EXPECT_EQ(m.first_attention().kv_heads, 4);
  EXPECT_EQ(m.first_attention().head_dim, 256);
}

TEST(HfDefaults, AnActivationThatAMixerIsNotRunWithIsRefused) {
  for (const char* type : {"qwen3_next", "bamba", "falcon_h1", "kimi_linear", "apertus"})
    EXPECT_THROW(read(type, {{"hidden_act", "gelu"}}), Error) << type;
  EXPECT_EQ(read("gemma2", {{"hidden_activation", "gelu"}, {"head_dim", 8}}).activation,
            ActivationFunction::kGelu);
}

TEST(HfDefaults, Olmo3sBaseBesideTheScalingIsThatOfLayersThatSeeEverything) {
  const ModelDescription m = read("olmo3", {{"rope_theta", 90000.0}});
  EXPECT_EQ(m.rope.theta, 90000);
  EXPECT_EQ(m.window_rope.theta, 500000);
}

TEST(HfDefaults, Exaone4RotatesEverythingOnlyWithoutAWindow) {
  const json full = {{"layer_types", std::vector<std::string>(4, "full_attention")}};
  json with = full, without = full;
  with["sliding_window"] = 16;
  without["sliding_window"] = nullptr;
  EXPECT_EQ(ropes(read("exaone4", with)), Ropes(4, kNone));
  EXPECT_EQ(ropes(read("exaone4", without)), Ropes(4, kMain));
}

TEST(HfDefaults, SmolLm3sWindowsAreOfLayersThatDoNotRotate) {
  const json window = {{"use_sliding_window", true}, {"sliding_window", 12}, {"no_rope_layer_interval", 2}};
  EXPECT_EQ(windows(read("smollm3", window)), (std::vector{0, 12, 0, 12}));
  EXPECT_EQ(ropes(read("smollm3", window)), (Ropes{kMain, kNone, kMain, kNone}));
  const json listed = {
      {"sliding_window", 12},
      {"layer_types", {"sliding_attention", "sliding_attention", "full_attention", "full_attention"}}};
  EXPECT_EQ(windows(read("smollm3", listed)), (std::vector{12, 12, 0, 0}));
  EXPECT_EQ(ropes(read("smollm3", listed)), (Ropes{kWindow, kWindow, kMain, kNone}));
}

TEST(HfDefaults, GptOssMayHaveNoBiasesOfAttention) {
  EXPECT_TRUE(read("gpt_oss").has_bias(TensorRole::kQuery));
  EXPECT_FALSE(read("gpt_oss", {{"attention_bias", false}}).has_bias(TensorRole::kQuery));
}

TEST(HfDefaults, AWrappingOfAnUnknownTextModelIsRefused) {
  const json text = {{"model_type", "mistral9"}, {"hidden_size", 64}};
  try {
    read("mistral3", {{"text_config", text}});
    ADD_FAILURE() << "read as Mistral";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("text_config.model_type is 'mistral9'"), std::string::npos)
        << e.what();
  }
}

TEST(HfDefaults, Gemma3HasNoCapOfScores) {
  const ModelDescription m = read("gemma3_text", {{"attn_logit_softcapping", 4}});
  EXPECT_EQ(m.layers.front().attention.soft_cap, 0)
      << "as transformers, which reads the field and ignores it";
}

}  // namespace
}  // namespace ferrum
