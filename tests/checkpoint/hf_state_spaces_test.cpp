// Configurations of models with Mamba-2 layers: what they mean in both spellings and where they are silent,
// and those that contradict themselves.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "checkpoint/safetensors/hf_config.h"
#include "support/errors.h"

namespace ferrum {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

json config_of(const char* type, const json& changes) {
  json config = {{"model_type", type}, {"hidden_size", 64},       {"intermediate_size", 96},
                 {"vocab_size", 384},  {"num_hidden_layers", 4},  {"num_attention_heads", 4},
                 {"head_dim", 16},     {"num_key_value_heads", 2}};
  if (!changes.is_null()) config.update(changes);
  return config;
}

ModelDescription read(const char* type, const json& changes = json::object()) {
  return parse_hf_config(config_of(type, changes).dump(), "config.json").model;
}

void expect_bad(const char* type, const json& changes, std::initializer_list<std::string_view> words,
                ErrorCode code = ErrorCode::kBadConfig) {
  test::expect_error(code, words, [&] { read(type, changes); });
}

std::string parts(const ModelDescription& m) {
  std::string letters;
  for (const LayerDescription& layer : m.layers)
    letters += layer.mixer == Mixer::kStateSpace ? 'M'
               : layer.attends()                 ? '*'
               : layer.feed_forward.experts == 0 ? '-'
                                                 : 'E';
  return letters;
}

TEST(HfStateSpaces, Mamba2HasNoFieldsOfAttention) {
  const json config = {{"model_type", "mamba2"}, {"hidden_size", 64}, {"num_hidden_layers", 3},
                       {"num_heads", 8},         {"head_dim", 16},    {"vocab_size", 384}};
  const ModelDescription m = parse_hf_config(config.dump(), "config.json").model;
  EXPECT_EQ(parts(m), "MMM");
  EXPECT_EQ(m.state_space.width(), 128);
  EXPECT_EQ(m.state_space.groups, 8);
  EXPECT_FALSE(m.layers.front().feeds_forward);
  json other = config;
  other["hidden_act"] = "gelu";
  test::expect_error(ErrorCode::kUnsupported, {"config.json", "hidden_act", "gelu"},
                     [&] { parse_hf_config(other.dump(), "config.json"); });
}

json without_depth(json config) {
  config.erase("num_hidden_layers");
  return config;
}

TEST(HfStateSpaces, LayersOfNemotronInEachSpelling) {
  EXPECT_EQ(parts(read("nemotron_h", {{"hybrid_override_pattern", "M*-E"}})), "M*-E");
  EXPECT_EQ(parts(read("nemotron_h", {{"layers_block_type", {"mamba", "attention", "mlp", "moe"}}})), "M*-E");
  const json newest = without_depth(config_of(
      "nemotron_h", {{"layers_block_type", {"linear_attention", "full_attention", "mlp", "moe", "mlp"}}}));
  EXPECT_EQ(parts(parse_hf_config(newest.dump(), "config.json").model), "M*-E-") << "the list is the depth";
  const json letters = without_depth(config_of("nemotron_h", {{"hybrid_override_pattern", "MM*"}}));
  EXPECT_EQ(parts(parse_hf_config(letters.dump(), "config.json").model), "MM*");
}

TEST(HfStateSpaces, SwitchesOfNemotron) {
  const ModelDescription m = read("nemotron_h", {{"hybrid_override_pattern", "ME*-"}});
  EXPECT_EQ(name_of(*m.architecture), "nemotron_h_moe");
  const StateSpaceDescription& s = m.state_space;
  EXPECT_EQ(std::tuple(s.heads, s.head_dim, s.groups, s.state_dim, s.kernel), std::tuple(128, 64, 8, 128, 4));
  EXPECT_EQ(s.step_min, 0.001F) << "transformers takes time_step_min for the least step";
  EXPECT_FALSE(m.gated);
  EXPECT_EQ(m.activation, ActivationFunction::kReluSquared);
  EXPECT_EQ(m.layers[2].attention.rope, LayerRope::kNone);
  EXPECT_EQ(m.layers[2].attention.kv_heads, 2);
  EXPECT_FALSE(m.layers[0].feeds_forward);
  EXPECT_FALSE(m.layers[3].mixes());
  const FeedForwardDescription& f = m.layers[1].feed_forward;
  EXPECT_EQ(std::tuple(f.experts, f.width, f.shared_width, f.latent_width), std::tuple(8, 7688, 7688, 0));
  EXPECT_EQ(m.routing.groups_used, 1);
  EXPECT_TRUE(m.has_bias(TensorRole::kConvolution));
  EXPECT_FALSE(m.has_bias(TensorRole::kMixerIn));
  EXPECT_EQ(m.state_of(m.layers[0]).inputs, 3 * (128 * 64 + 2 * 8 * 128));
  EXPECT_EQ(m.state_of(m.layers[0]).memory, 128 * 64 * 128);
  EXPECT_EQ(m.state_of(m.layers[1]).inputs, 0);

  const ModelDescription other = read("nemotron_h", {{"hybrid_override_pattern", "MM*-"},
                                                     {"mamba_n_groups", 4},
                                                     {"mamba_d_conv", 3},
                                                     {"mamba_dt_min", 0.5},
                                                     {"mamba_conv_bias", false},
                                                     {"use_bias", true},
                                                     {"mlp_hidden_act", "silu"}});
  EXPECT_EQ(name_of(*other.architecture), "nemotron_h");
  EXPECT_EQ(other.state_space.groups, 4);
  EXPECT_EQ(other.state_space.kernel, 3);
  EXPECT_EQ(other.state_space.step_min, 0.5F);
  EXPECT_EQ(other.activation, ActivationFunction::kSilu);
  EXPECT_FALSE(other.has_bias(TensorRole::kConvolution));
  EXPECT_TRUE(other.has_bias(TensorRole::kMixerOut));
}

TEST(HfStateSpaces, SwitchesOfGraniteAndBamba) {
  const json sizes = {{"mamba_n_heads", 8}, {"mamba_d_state", 16}};
  const auto read_sized = [&](const char* type, const json& changes) {
    json all = sizes;
    if (!changes.is_null()) all.update(changes);
    return read(type, all);
  };
  for (const auto& words :
       {Words{"mamba", "attention", "mamba", "attention"},
        Words{"linear_attention", "full_attention", "linear_attention", "full_attention"}}) {
    const ModelDescription m = read_sized("granitemoehybrid", {{"layer_types", words}});
    EXPECT_EQ(parts(m), "M*M*");
    EXPECT_EQ(m.layers[1].attention.rope, LayerRope::kNone);
    EXPECT_EQ(m.state_space.head_dim, 16) << "two times 64, shared by 8 heads";
    EXPECT_EQ(m.layers[0].feed_forward.experts, 8);
    EXPECT_EQ(m.layers[0].feed_forward.shared_width, 1024);
  }
  EXPECT_EQ(parts(read_sized("granitemoehybrid", {})), "MMMM") << "no list: no layer attends";
  const ModelDescription dense = read_sized("granitemoehybrid", {{"num_local_experts", 0},
                                                                 {"shared_intermediate_size", 112},
                                                                 {"position_embedding_type", "rope"},
                                                                 {"mamba_d_head", "auto"},
                                                                 {"layer_types", Words(4, "attention")}});
  EXPECT_EQ(dense.experts(), 0);
  EXPECT_EQ(dense.dense_width(), 112);
  EXPECT_EQ(dense.layers[0].attention.rope, LayerRope::kMain);
  EXPECT_FALSE(dense.keeps_states());

  const ModelDescription bamba =
      read_sized("bamba", {{"attn_layer_indices", {1}}, {"partial_rotary_factor", 0.75}});
  EXPECT_EQ(parts(bamba), "M*MM");
  EXPECT_EQ(bamba.rope.rotary_dim, 8) << "half of a head, whatever the model's own field says";
  const ModelDescription quarter =
      read_sized("bamba", {{"attn_layer_indices", {1}},
                           {"rope_parameters", {{"rope_theta", 1e4}, {"partial_rotary_factor", 0.25}}}});
  EXPECT_EQ(quarter.rope.rotary_dim, 4);
}

TEST(HfStateSpaces, SwitchesOfFalcon) {
  const json sizes = {{"mamba_n_heads", 8}, {"mamba_d_state", 16}, {"mamba_d_ssm", 96}};
  const auto read_sized = [&](const json& changes) {
    json all = sizes;
    if (!changes.is_null()) all.update(changes);
    return read("falcon_h1", all);
  };
  const ModelDescription m = read_sized({});
  EXPECT_EQ(m.state_space.width(), 96);
  EXPECT_FALSE(m.state_space.normed);
  EXPECT_TRUE(m.layers[0].attends());
  EXPECT_EQ(m.layers[0].mixer, Mixer::kStateSpace);
  EXPECT_EQ(m.layers[0].attention.scale, 0.25F);
  EXPECT_EQ(m.activation, ActivationFunction::kSilu);
  const ModelDescription other = read_sized({{"mamba_d_ssm", nullptr},
                                             {"mamba_rms_norm", true},
                                             {"key_multiplier", 0.5},
                                             {"mlp_multipliers", {0.75, 0.25}},
                                             {"ssm_multipliers", {1, 2, 3, 4, 5}}});
  EXPECT_EQ(other.state_space.width(), 128) << "mamba_expand times the hidden size";
  EXPECT_TRUE(other.state_space.norm_first);
  EXPECT_EQ(other.layers[0].attention.scale, 0.125F);
  EXPECT_EQ(other.activation, ActivationFunction::kScaledSilu);
  EXPECT_EQ(other.activation_alpha, 0.75F);
  EXPECT_EQ(other.layers[1].feed_forward.out_scale, 0.25F);
  EXPECT_EQ(other.state_space.scales[4], 5);
}

TEST(HfStateSpaces, TimeStepLimitsInEachSpelling) {
  const auto limits = [](const json& value) {
    const ModelDescription m =
        read("bamba", {{"mamba_n_heads", 8}, {"mamba_d_state", 16}, {"time_step_limit", value}});
    return std::pair(m.state_space.step_min, m.state_space.step_max);
  };
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(limits(nullptr), std::pair(0.0F, infinity));
  EXPECT_EQ(limits({0.5, 2}), std::pair(0.5F, 2.0F));
  EXPECT_EQ(limits({0, {{"__float__", "Infinity"}}}), std::pair(0.0F, infinity));
  std::string text = config_of("bamba", {{"mamba_n_heads", 8}, {"time_step_limit", {0.25, "LIMIT"}}}).dump();
  text.replace(text.find("\"LIMIT\""), 7, "Infinity");
  EXPECT_EQ(parse_hf_config(text, "config.json").model.state_space.step_max, infinity);
}

TEST(HfStateSpacesFaults, B14_StateSpacesThatContradictThemselves) {
  const auto bad = [](const char* type, const json& changes, std::initializer_list<std::string_view> words,
                      ErrorCode code = ErrorCode::kBadConfig) {
    json all = {{"mamba_n_heads", 8}, {"mamba_d_state", 16}};
    all.update(changes);
    expect_bad(type, all, words, code);
  };
  for (const char* type : {"bamba", "granitemoehybrid"}) {
    bad(type, {{"mamba_d_head", 24}}, {"mamba_d_head", "24", "128"});
    bad(type, {{"mamba_d_head", "none"}}, {"mamba_d_head", "auto"}, ErrorCode::kBadFile);
    bad(type, {{"mamba_n_heads", 7}}, {"mamba_n_heads", "7"});
    bad(type, {{"mamba_n_heads", 0}}, {"mamba_n_heads", "0"});
    bad(type, {{"mamba_n_groups", 3}}, {"3 groups"});
    bad(type, {{"mamba_d_conv", 1}}, {"mamba_d_conv"});
    bad(type, {{"time_step_limit", {0.5, 0.25}}}, {"0.5", "0.25"});
    bad(type, {{"time_step_limit", {0.5}}}, {"time_step_limit"}, ErrorCode::kBadFile);
    bad(type, {{"time_step_limit", {0, {{"__float__", "NaN"}}}}}, {"time_step_limit"}, ErrorCode::kBadFile);
  }
  bad("falcon_h1", {{"mamba_d_ssm", 96}, {"ssm_multipliers", {1, 1}}}, {"ssm_multipliers", "2", "5"});
  bad("falcon_h1", {{"mamba_d_ssm", 96}, {"mlp_multipliers", {1, 0}}}, {"mlp_multipliers"});
  expect_bad("nemotron_h", {{"hybrid_override_pattern", "M*-"}}, {"hybrid_override_pattern", "3", "4"});
  expect_bad("nemotron_h", {{"hybrid_override_pattern", "M*-x"}}, {"'x'", "mamba"}, ErrorCode::kUnsupported);
  expect_bad("nemotron_h", {}, {"hybrid_override_pattern"}, ErrorCode::kBadFile);
  expect_bad("nemotron_h", {{"hybrid_override_pattern", "M*--"}, {"mamba_hidden_act", "gelu"}},
             {"mamba_hidden_act", "gelu"}, ErrorCode::kUnsupported);
  bad("granitemoehybrid", {{"layer_types", {"mamba", "mamba", "mamba"}}}, {"layer_types", "3", "4"});
  bad("granitemoehybrid", {{"layer_types", Words(4, "conv")}}, {"'conv'"}, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace ferrum
