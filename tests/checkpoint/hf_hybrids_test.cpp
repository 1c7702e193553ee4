// Configurations of models with recurrent layers: what they mean in both spellings and where they are silent,
// and lists that do not fit the layers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/safetensors/hf_config.h"
#include "support/errors.h"

namespace ferrum {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

json config_of(const char* type, const json& changes) {
  json config = {{"model_type", type}, {"hidden_size", 64},      {"intermediate_size", 96},
                 {"vocab_size", 384},  {"num_hidden_layers", 4}, {"num_attention_heads", 32},
                 {"head_dim", 16}};
  config.update(changes);
  return config;
}

ModelDescription read(const char* type, const json& changes = json::object()) {
  return parse_hf_config(config_of(type, changes).dump(), "config.json").model;
}

void expect_bad(const char* type, const json& changes, std::initializer_list<std::string_view> words,
                ErrorCode code = ErrorCode::kBadConfig) {
  test::expect_error(code, words, [&] { read(type, changes); });
}

std::vector<bool> attending(const ModelDescription& m) {
  std::vector<bool> result;
  for (const LayerDescription& layer : m.layers) result.push_back(layer.mixer == Mixer::kAttention);
  return result;
}

TEST(HfHybrids, LayersOfLfm2ThatAttend) {
  using Layers = std::vector<bool>;
  EXPECT_EQ(attending(read("lfm2")), (Layers{true, true, true, true}));
  EXPECT_EQ(attending(read("lfm2", {{"full_attn_idxs", {1, 3}}})), (Layers{false, true, false, true}));
  EXPECT_EQ(attending(read("lfm2", {{"full_attn_idxs", {1}},
                                    {"layer_types", {"full_attention", "conv", "conv", "conv"}}})),
            (Layers{true, false, false, false}))
      << "layer_types goes first";
  EXPECT_EQ(attending(read("lfm3", {{"num_hidden_layers", 5}})), (Layers{false, false, true, false, true}));
}

TEST(HfHybrids, WidthsOfLfm2) {
  const auto width = [](const json& changes) { return read("lfm2", changes).dense_width(); };
  EXPECT_EQ(width(json::object()), 256) << "two thirds of 96 in multiples of 256";
  EXPECT_EQ(width({{"block_auto_adjust_ff_dim", false}}), 96);
  EXPECT_EQ(width({{"block_multiple_of", 10}}), 70);
  EXPECT_EQ(width({{"block_multiple_of", 10}, {"block_ffn_dim_multiplier", 1.3}}), 90);
  EXPECT_EQ(width({{"block_ffn_dim_multiplier", nullptr}}), 64);
  EXPECT_EQ(width({{"block_ff_dim", 48}, {"block_multiple_of", 8}}), 32);
  json old = config_of("lfm2", {{"block_ff_dim", 48}, {"block_multiple_of", 8}});
  old.erase("intermediate_size");
  EXPECT_EQ(parse_hf_config(old.dump(), "config.json").model.dense_width(), 32);
  expect_bad("lfm2", {{"block_ffn_dim_multiplier", 1e12}}, {"block_ffn_dim_multiplier"}, ErrorCode::kBadFile);
  expect_bad("lfm2", {{"block_multiple_of", 0}}, {"block_multiple_of"}, ErrorCode::kBadFile);
}

TEST(HfHybrids, SwitchesOfLfm) {
  const ModelDescription m = read("lfm2", {{"full_attn_idxs", {2}}});
  EXPECT_EQ(m.convolution.width, 64);
  EXPECT_EQ(m.convolution.kernel, 3);
  EXPECT_FALSE(m.has_bias(TensorRole::kConvolution));
  EXPECT_TRUE(m.tied_head);
  EXPECT_EQ(m.rope.theta, 1e6F);
  EXPECT_EQ(m.wiring.eps, 1e-5F);
  EXPECT_EQ(m.layers[2].attention.norm, HeadNorm::kHead);
  EXPECT_TRUE(m.keeps_states());
  EXPECT_EQ(m.state_of(m.layers[0]).inputs, 2 * 64);
  EXPECT_EQ(m.state_of(m.layers[0]).memory, 0);
  EXPECT_EQ(m.state_of(m.layers[2]).inputs, 0);
  const ModelDescription other =
      read("lfm2", {{"conv_bias", true}, {"tie_embedding", false}, {"norm_eps", 1e-3}, {"conv_L_cache", 5}});
  EXPECT_TRUE(other.has_bias(TensorRole::kConvolution));
  EXPECT_FALSE(other.tied_head);
  EXPECT_EQ(other.wiring.eps, 1e-3F);
  EXPECT_EQ(other.convolution.kernel, 5);
  EXPECT_FALSE(other.keeps_states()) << "all layers attend";

  const ModelDescription moe = read("lfm2_moe", {{"layer_types", Words(4, "conv")}});
  EXPECT_EQ(moe.experts(), 32);
  EXPECT_EQ(moe.routing.top_k, 4);
  EXPECT_EQ(moe.layers[1].feed_forward.experts, 0);
  EXPECT_EQ(moe.layers[2].feed_forward.experts, 32);
  EXPECT_EQ(moe.routing.score, RoutingDescription::Score::kSigmoid);
  EXPECT_TRUE(moe.routing.selection_bias);

  const ModelDescription third = read("lfm3", {{"num_hidden_layers", 5}});
  EXPECT_EQ(third.convolution.kernel, 7);
  EXPECT_EQ(third.layers[4].attention.window, 256);
  EXPECT_EQ(third.layers[2].attention.gate, OutputGate::kSigmoid);
  EXPECT_TRUE(third.wiring.norm_after);
  EXPECT_EQ(third.rope.frequency_divisors.size(), 8u);
  EXPECT_EQ(third.rope.frequency_divisors[3], 1);
  EXPECT_GT(third.rope.frequency_divisors[4], 1e20F);
  EXPECT_TRUE(third.window_rope.frequency_divisors.empty());
  EXPECT_EQ(third.window_rope.rotary_dim, 16);
  EXPECT_EQ(third.window_rope.theta, 1e4F);
}

TEST(HfHybrids, KimiInBothSpellings) {
  const json sizes = {
      {"num_experts", 8}, {"kv_lora_rank", 32}, {"v_head_dim", 24}, {"moe_renormalize", false}};
  json ours = sizes, published = sizes;
  ours.update({{"layer_types", {"linear_attention", "full_attention", "linear_attention", "full_attention"}},
               {"mlp_layer_types", {"dense", "dense", "sparse", "sparse"}},
               {"linear_head_dim", 16},
               {"linear_num_heads", 6},
               {"linear_conv_kernel_dim", 3},
               {"num_experts_per_token", 2},
               {"num_expert_group", 2},
               {"topk_group", 1}});
  published.update({{"linear_attn_config",
                     {{"full_attn_layers", {2, 4}},
                      {"kda_layers", {1, 3}},
                      {"head_dim", 16},
                      {"num_heads", 6},
                      {"short_conv_kernel_size", 3}}},
                    {"first_k_dense_replace", 2},
                    {"num_experts_per_tok", 2},
                    {"n_group", 2},
                    {"topk_group", 1}});
  for (const json& changes : {ours, published}) {
    const ModelDescription m = read("kimi_linear", changes);
    EXPECT_EQ(attending(m), (std::vector<bool>{false, true, false, true}));
    EXPECT_TRUE(m.delta.by_channel);
    EXPECT_EQ(m.delta.key_heads, 6);
    EXPECT_EQ(m.delta.key_dim, 16);
    EXPECT_EQ(m.delta.rank, 16);
    EXPECT_EQ(m.delta.kernel, 3);
    EXPECT_EQ(m.layers[1].attention.latent, 32);
    EXPECT_EQ(m.layers[1].attention.head_dim, 128 + 64);
    EXPECT_EQ(m.layers[1].attention.value_dim, 24);
    EXPECT_EQ(m.layers[1].attention.rope, LayerRope::kNone);
    EXPECT_EQ(m.layers[1].feed_forward.experts, 0);
    EXPECT_EQ(m.layers[2].feed_forward.experts, 8);
    EXPECT_EQ(m.layers[2].feed_forward.shared_width, 1024);
    EXPECT_EQ(m.routing.top_k, 2);
    EXPECT_EQ(m.routing.groups, 2);
    EXPECT_FALSE(m.routing.renormalize);
    EXPECT_EQ(m.routing.scale, 2.446F);
    EXPECT_EQ(m.state_of(m.layers[0]).inputs, 2 * 3 * 96);
    EXPECT_EQ(m.state_of(m.layers[0]).memory, 6 * 16 * 16);
  }
}

TEST(HfHybridsFaults, N12_ListsThatDoNotFitTheLayers) {
  const auto layers = [](size_t n, const char* kind) { return json{{"layer_types", Words(n, kind)}}; };
  for (const char* type : {"lfm2", "lfm2_moe", "lfm3"})
    for (const size_t n : {0, 3, 5}) expect_bad(type, layers(n, "conv"), {"layer_types", "entries", "4"});
  for (const size_t n : {0, 3, 5})
    expect_bad("qwen3_next", layers(n, "linear_attention"), {"layer_types", "entries", "4"});
  for (const char* type : {"lfm2", "lfm3", "qwen3_next"}) {
    expect_bad(type, layers(4, "mamba"), {"layer_types", "'mamba'"}, ErrorCode::kUnsupported);
    expect_bad(type, {{"layer_types", {1, 2, 3, 4}}}, {"layer_types"}, ErrorCode::kBadFile);
  }
  expect_bad("lfm2", {{"full_attn_idxs", {0, 4}}}, {"full_attn_idxs", "4"});
  expect_bad("lfm2", {{"full_attn_idxs", {-1}}}, {"full_attn_idxs", "-1"});
  expect_bad("lfm2", {{"full_attn_idxs", {"0"}}}, {"full_attn_idxs"}, ErrorCode::kBadFile);
  for (const int layer : {0, 5, -1})
    expect_bad("kimi_linear", {{"linear_attn_config", {{"full_attn_layers", {layer}}}}},
               {"linear_attn_config.full_attn_layers", "1 to 4"});
  expect_bad("lfm2_moe", {{"layer_types", Words(4, "conv")}, {"mlp_layer_types", Words(3, "dense")}},
             {"mlp_layer_types", "3", "4"});
}

TEST(HfHybridsFaults, B14_KernelsOutOfRange) {
  for (const int kernel : {-1, 0, 1, 17, 1 << 30})
    expect_bad("lfm2", {{"conv_L_cache", kernel}, {"full_attn_idxs", {0}}}, {"conv_L_cache"});
}

}  // namespace
}  // namespace ferrum
