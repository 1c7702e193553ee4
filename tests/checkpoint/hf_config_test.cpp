#include "checkpoint/safetensors/hf_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/mapped_file.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/layers.h"
#include "support/paths.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::expect_error;
using test::SmallHf;
using Words = std::initializer_list<std::string_view>;
using Kind = RopeScaling::Kind;
using Layers = std::vector<bool>;

HfConfig parse(const SmallHf& model) { return parse_hf_config(model.config.dump(), "config.json"); }

HfConfig golden(const char* name) {
  const auto path = test::data(std::filesystem::path("goldens") / name / "config.json");
  return parse_hf_config(MappedFile::open(path)->text(), path.string());
}

void expect_bad(const json& changes, Words words, ErrorCode code = ErrorCode::kBadConfig) {
  SmallHf model;
  model.config.update(changes);
  expect_error(code, words, [&] { parse(model); });
}

SmallHf small_qwen3_moe() {
  SmallHf model;
  model.set_type("qwen3_moe", "Qwen3MoeForCausalLM");
  model.config.update({{"num_hidden_layers", 4},
                       {"num_experts", 8},
                       {"num_experts_per_tok", 2},
                       {"moe_intermediate_size", 6}});
  return model;
}

TEST(HfConfig, Llama) {
  const HfConfig c = golden("llama");
  const ModelDescription& m = c.model;
  EXPECT_EQ(name_of(*m.architecture), "llama");
  EXPECT_EQ(m.depth(), 3);
  EXPECT_EQ(m.hidden, 128);
  EXPECT_EQ(m.vocab, 384);
  EXPECT_EQ(m.layers.front().attention.q_heads, 4);
  EXPECT_EQ(m.layers.front().attention.kv_heads, 2);
  EXPECT_EQ(m.layers.front().attention.head_dim, 32);
  EXPECT_EQ(m.dense_width(), 256);
  EXPECT_EQ(m.wiring.eps, 1e-5f);
  EXPECT_EQ(m.context, 512);
  EXPECT_EQ(m.rope.theta, 10000);
  EXPECT_EQ(m.rope.rotary_dim, 32);
  EXPECT_FALSE(m.rope.interleaved);
  EXPECT_EQ(m.rope.scaling.kind, Kind::kNone);
  EXPECT_EQ(m.window(), 0);
  EXPECT_EQ(m.experts(), 0);
  EXPECT_EQ(test::moe_layers(m), Layers(3, false));
  EXPECT_FALSE(m.tied_head);
  EXPECT_EQ(c.stop_tokens, std::vector<TokenId>{2});
  EXPECT_TRUE(m.biased.empty());
}

TEST(HfConfig, Llama3ScalingAndTiedHead) {
  const ModelDescription m = golden("llama3_rope_scaling_tied").model;
  EXPECT_TRUE(m.tied_head);
  const RopeScaling& s = m.rope.scaling;
  EXPECT_EQ(s.kind, Kind::kLlama3);
  EXPECT_EQ(s.factor, 8);
  EXPECT_EQ(s.original_context, 64);
  EXPECT_EQ(s.low_frequency_factor, 1);
  EXPECT_EQ(s.high_frequency_factor, 4);
  EXPECT_EQ(m.context, 512) << "llama3 scaling: max_position_embeddings is the context after it";
}

TEST(HfConfig, Yarn) {
  const ModelDescription m = golden("qwen3_yarn").model;
  const RopeScaling& s = m.rope.scaling;
  EXPECT_EQ(s.kind, Kind::kYarn);
  EXPECT_EQ(s.factor, 4);
  EXPECT_EQ(s.original_context, 64);
  EXPECT_EQ(s.beta_fast, 32);
  EXPECT_EQ(s.beta_slow, 1);
  EXPECT_TRUE(s.truncate);
  EXPECT_FALSE(s.attention_factor.has_value());
  EXPECT_EQ(m.context, 512);
}

TEST(HfConfig, TransformersFivesRopeParameters) {
  SmallHf model;
  model.config["rope_parameters"] = {{"rope_type", "yarn"}, {"rope_theta", 5e5},
                                     {"factor", 2.0},       {"beta_fast", 16},
                                     {"beta_slow", 2},      {"attention_factor", 1.25},
                                     {"mscale", 0.7},       {"mscale_all_dim", 1},
                                     {"truncate", false},   {"original_max_position_embeddings", 64}};
  model.config["dtype"] = "bfloat16";
  const ModelDescription m = parse(model).model;
  EXPECT_EQ(m.rope.theta, 5e5f);
  const RopeScaling& s = m.rope.scaling;
  EXPECT_EQ(s.kind, Kind::kYarn);
  EXPECT_EQ(s.beta_fast, 16);
  EXPECT_EQ(s.beta_slow, 2);
  EXPECT_EQ(s.attention_factor, 1.25f);
  EXPECT_EQ(s.mscale, 0.7f);
  EXPECT_EQ(s.mscale_all_dim, 1.f);
  EXPECT_FALSE(s.truncate);
  EXPECT_EQ(m.context, 128) << "64 positions before scaling, by a factor of 2";
}

TEST(HfConfig, RopeOfBothVersionsIsTheSame) {
  SmallHf old_form, new_form;
  const json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 32}};
  old_form.config["rope_theta"] = 5e5;
  old_form.config["rope_scaling"] = llama3;
  new_form.config["rope_parameters"] = llama3;
  new_form.config["rope_parameters"]["rope_theta"] = 5e5;
  const RopeDescription a = parse(old_form).model.rope, b = parse(new_form).model.rope;
  EXPECT_EQ(a.theta, b.theta);
  EXPECT_EQ(a.scaling.kind, b.scaling.kind);
  EXPECT_EQ(a.scaling.original_context, b.scaling.original_context);
}

TEST(HfConfig, LinearDynamicAndLongrope) {
  SmallHf linear, dynamic, longrope;
  linear.config["rope_scaling"] = {{"type", "linear"}, {"factor", 4}};
  dynamic.config["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.5}};
  longrope.config["rope_scaling"] = {{"type", "su"}, {"short_factor", {1, 1.5}}, {"long_factor", {2, 3}}};
  longrope.config["original_max_position_embeddings"] = 16;
  const ModelDescription l = parse(linear).model, d = parse(dynamic).model, s = parse(longrope).model;
  EXPECT_EQ(l.rope.scaling.kind, Kind::kLinear);
  EXPECT_EQ(l.rope.scaling.factor, 4);
  EXPECT_EQ(l.context, 256);
  EXPECT_EQ(d.rope.scaling.kind, Kind::kDynamic);
  EXPECT_EQ(d.rope.scaling.original_context, 64);
  EXPECT_EQ(d.context, 160);
  EXPECT_EQ(s.rope.scaling.kind, Kind::kLongRope);
  EXPECT_EQ(s.rope.scaling.short_factors, (std::vector<float>{1, 1.5f}));
  EXPECT_EQ(s.rope.scaling.long_factors, (std::vector<float>{2, 3}));
  EXPECT_EQ(s.rope.scaling.original_context, 16);
  EXPECT_EQ(s.rope.scaling.factor, 4) << "max_position_embeddings over the original";
}

TEST(HfConfig, WhatIsAbsentOrNullHasItsDefault) {
  SmallHf model;
  for (const char* key : {"num_key_value_heads", "rms_norm_eps", "tie_word_embeddings"})
    model.config.erase(key);
  model.config["head_dim"] = nullptr;
  model.config["rope_scaling"] = nullptr;
  const ModelDescription m = parse(model).model;
  EXPECT_EQ(m.layers.front().attention.kv_heads, 2);
  EXPECT_EQ(m.layers.front().attention.head_dim, 4);
  EXPECT_EQ(m.wiring.eps, 1e-6f);
  EXPECT_FALSE(m.tied_head);
  EXPECT_EQ(m.rope.theta, 10000);
}

TEST(HfConfig, PartOfAHeadMayBeRotated) {
  SmallHf model;
  model.config["partial_rotary_factor"] = 0.5;
  EXPECT_EQ(parse(model).model.rope.rotary_dim, 2);
}

TEST(HfConfig, MistralsWindow) {
  const ModelDescription golden_model = golden("mistral_sliding_window").model;
  EXPECT_EQ(golden_model.window(), 16);
  EXPECT_EQ(test::sliding_layers(golden_model), Layers(3, true));
  SmallHf model;
  model.set_type("mistral", "MistralForCausalLM");
  EXPECT_EQ(parse(model).model.window(), 4096) << "the default, where the key is absent";
  model.config["sliding_window"] = nullptr;
  const ModelDescription none = parse(model).model;
  EXPECT_EQ(none.window(), 0);
  EXPECT_EQ(test::sliding_layers(none), Layers(2, false));
}

TEST(HfConfig, QwensWindow) {
  SmallHf model;
  model.set_type("qwen2", "Qwen2ForCausalLM");
  model.config.update({{"num_hidden_layers", 4}, {"sliding_window", 32}, {"max_window_layers", 2}});
  EXPECT_EQ(parse(model).model.window(), 0) << "only with use_sliding_window";
  model.config["use_sliding_window"] = true;
  EXPECT_EQ(test::sliding_layers(parse(model).model), (Layers{false, false, true, true}));
  model.config["layer_types"] = {"sliding_attention", "full_attention", "full_attention",
                                 "sliding_attention"};
  const ModelDescription m = parse(model).model;
  EXPECT_EQ(m.window(), 32);
  EXPECT_EQ(test::sliding_layers(m), (Layers{true, false, false, true}));
  model.config["max_window_layers"] = 4;
  model.config.erase("layer_types");
  EXPECT_EQ(parse(model).model.window(), 0) << "no layer has it";
}

TEST(HfConfig, Experts) {
  const ModelDescription mixed = golden("qwen3_moe_mixed_dense_layers").model;
  EXPECT_EQ(mixed.experts(), 16) << "num_local_experts";
  EXPECT_EQ(mixed.routing.top_k, 4);
  EXPECT_EQ(mixed.expert_width(), 64);
  EXPECT_EQ(mixed.dense_width(), 256);
  EXPECT_TRUE(mixed.routing.renormalize);
  EXPECT_EQ(test::moe_layers(mixed), (Layers{false, true, false, false}));
  SmallHf model = small_qwen3_moe();
  model.config["head_dim"] = 4;
  const ModelDescription m = parse(model).model;
  EXPECT_EQ(test::moe_layers(m), Layers(4, true));
  EXPECT_FALSE(m.routing.renormalize) << "the default";
}

TEST(HfConfig, BiasesThatTheFileMustHave) {
  using Role = TensorRole;
  const std::vector<Role> qkv = {Role::kQuery, Role::kKey, Role::kValue};
  EXPECT_EQ(golden("qwen2").model.biased, qkv);
  SmallHf model;
  model.config["attention_bias"] = true;
  model.config["mlp_bias"] = true;
  EXPECT_EQ(parse(model).model.biased,
            (std::vector<Role>{Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kGate,
                               Role::kUp, Role::kDown}));
}

TEST(HfConfig, StopTokens) {
  SmallHf model;
  model.config["eos_token_id"] = {7, 8};
  EXPECT_EQ(parse(model).stop_tokens, (std::vector<TokenId>{7, 8}));
  model.config.erase("eos_token_id");
  EXPECT_TRUE(parse(model).stop_tokens.empty());
}

TEST(HfConfig, StopTokensThatNameNoTokenAreIgnored) {
  const auto warned = [](const json& ids, const std::vector<TokenId>& left, const std::string& warning) {
    SmallHf model;
    model.config["eos_token_id"] = ids;
    const log::Recorder recorder;
    EXPECT_EQ(parse(model).stop_tokens, left) << ids;
    ASSERT_EQ(recorder.warnings().size(), 1u) << ids;
    EXPECT_CONTAINS(recorder.warnings()[0], "config.json: " + warning);
  };
  warned(-1, {}, "eos_token_id is '-1', which names none of the 10 tokens");
  warned({9, 10}, {9}, "eos_token_id[1] is '10'");
  warned(1'000'000'000'000, {}, "eos_token_id is '1000000000000'");
  warned({2.5, 3.0}, {3}, "eos_token_id[0] is '2.5'");
  warned({"2", 4}, {4}, "eos_token_id[0]");
}

TEST(HfConfig, OtherSpecialIdsThatNameNoTokenAreWarnedOf) {
  const auto warned = [](const char* key, const json& id, const std::string& warning) {
    SmallHf model;
    model.config[key] = id;
    const log::Recorder recorder;
    parse(model);
    ASSERT_EQ(recorder.warnings().size(), warning.empty() ? 0u : 1u) << id;
    if (warning.empty()) return;
    EXPECT_CONTAINS(recorder.warnings()[0], "config.json: " + warning);
  };
  warned("bos_token_id", -100, "bos_token_id is '-100', which names none of the 10 tokens");
  warned("pad_token_id", 10, "pad_token_id is '10'");
  warned("pad_token_id", {{"a", 1}}, "pad_token_id is '{\"a\":1}'");
  warned("pad_token_id", 9, "");
  warned("bos_token_id", nullptr, "");
}

TEST(HfConfig, NumbersAsPythonWritesThem) {
  SmallHf model;
  std::string text = model.config.dump();
  text.insert(text.size() - 1, R"(,"initializer_range":NaN,"some_limit":-Infinity)");
  EXPECT_EQ(parse_hf_config(text, "config.json").model.hidden, 8);
  for (const char* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "num_key_value_heads", "max_position_embeddings"})
    model.config[key] = model.config[key].get<double>();
  model.config["eos_token_id"] = 2.0;
  const HfConfig whole = parse(model);
  EXPECT_EQ(whole.model.depth(), 2);
  EXPECT_EQ(whole.model.context, 64);
  EXPECT_EQ(whole.stop_tokens, std::vector<TokenId>{2});
  text.insert(text.size() - 1, R"(,"rope_theta":NaN)");
  expect_error(ErrorCode::kBadConfig, {"rope_theta", "nan"}, [&] { parse_hf_config(text, "config.json"); });
  text = R"({"model_type":"llama","hidden_size":Infinity})";
  expect_error(ErrorCode::kBadFile, {"hidden_size", "inf", "an integer"},
               [&] { parse_hf_config(text, "config.json"); });
}

TEST(HfConfig, NamesOfOneThing) {
  struct Names {
    json model_type, architectures;
  };
  for (const Names& names : {Names{"llama", {"LLaMAForCausalLM"}}, Names{"llama", "LlamaForCausalLM"},
                             Names{"LLaMA", nullptr}, Names{nullptr, {"LLaMAForCausalLM"}},
                             Names{"llama", json::array()}, Names{"llama", {"MyLlamaForCausalLM"}}}) {
    SmallHf model;
    model.config["model_type"] = names.model_type;
    model.config["architectures"] = names.architectures;
    const log::Recorder recorder;
    EXPECT_EQ(name_of(*parse(model).model.architecture), "llama");
    EXPECT_EQ(recorder.warnings().size(), names.architectures == json{"MyLlamaForCausalLM"} ? 1u : 0u);
  }
  for (const char* name : {"silu", "swish", "SiLU"}) {
    SmallHf model;
    model.config["hidden_act"] = name;
    EXPECT_NO_THROW(parse(model));
  }
  expect_bad({{"hidden_act", "quick_gelu"}}, {"'quick_gelu' (GELU in its sigmoid approximation)", "silu"},
             ErrorCode::kUnsupported);
  expect_bad({{"hidden_act", "zigzag"}}, {"hidden_act is 'zigzag'; Ferrum runs"}, ErrorCode::kUnsupported);
}

TEST(HfConfigFaults, B07_FieldsMissingOrOfAnotherType) {
  SmallHf model;
  model.config.erase("hidden_size");
  expect_error(ErrorCode::kBadFile, {"config.json", "no 'hidden_size'"}, [&] { parse(model); });
  const auto expect_type = [](const json& changes, Words words) {
    expect_bad(changes, words, ErrorCode::kBadFile);
  };
  expect_type({{"hidden_size", "8"}}, {"config.json", "hidden_size", "string", "an integer"});
  expect_type({{"hidden_size", 8.5}}, {"hidden_size is the number 8.5, expected an integer"});
  expect_type({{"rope_theta", "1e4"}}, {"rope_theta", "a number"});
  expect_type({{"tie_word_embeddings", 1}}, {"tie_word_embeddings", "true or false"});
  expect_type({{"rope_scaling", 3}}, {"rope_scaling", "an object"});
  expect_type({{"rope_scaling", {{"type", "linear"}, {"factor", true}}}},
              {"rope_scaling.factor", "a number"});
  expect_type({{"rope_scaling", {{"type", "linear"}}}}, {"rope_scaling", "no 'factor'"});
  expect_type({{"rope_scaling", {{"type", "llama3"}, {"factor", 8}}}},
              {"rope_scaling", "no 'low_freq_factor'"});
  expect_type({{"architectures", 5}}, {"architectures", "an array"});
}

TEST(HfConfigFaults, B13_ContradictionsAndZeroHeads) {
  expect_bad({{"num_attention_heads", 0}}, {"config.json", "num_attention_heads", "0"});
  expect_bad({{"num_key_value_heads", 0}}, {"num_key_value_heads", "0"});
  expect_bad({{"num_attention_heads", 4}, {"num_key_value_heads", 3}}, {"4", "3", "evenly"});
  expect_bad({{"num_attention_heads", 3}, {"num_key_value_heads", 1}}, {"hidden_size", "8", "3"});
  SmallHf windowed;
  windowed.set_type("qwen2", "Qwen2ForCausalLM");
  windowed.config.update(
      {{"use_sliding_window", true}, {"sliding_window", 8}, {"layer_types", {"full_attention"}}});
  expect_error(ErrorCode::kBadConfig, {"layer_types", "1", "2"}, [&] { parse(windowed); });
  SmallHf experts = small_qwen3_moe();
  experts.config["num_local_experts"] = 4;
  expect_error(ErrorCode::kBadConfig, {"num_local_experts", "4", "8"}, [&] { parse(experts); });
}

TEST(HfConfigFaults, B14_AbsurdNumbers) {
  expect_bad({{"num_hidden_layers", 1'000'000'000}},
             {"config.json", "num_hidden_layers", "1000000000", "1024"});
  expect_bad({{"num_hidden_layers", 1e18}}, {"num_hidden_layers"}, ErrorCode::kBadFile);
  expect_bad({{"num_hidden_layers", uint64_t{1} << 63}}, {"num_hidden_layers", "9223372036854775808"},
             ErrorCode::kBadFile);
  expect_bad({{"head_dim", 7}}, {"head_dim", "7", "even"});
  expect_bad({{"head_dim", 100'000}}, {"head_dim", "100000"});
  expect_bad({{"vocab_size", -1}}, {"vocab_size", "-1"});
  expect_bad({{"hidden_size", 2'000'000'000}, {"head_dim", 4}}, {"hidden_size", "2000000000"});
  expect_bad({{"intermediate_size", 0}}, {"intermediate_size", "0"});
  expect_bad({{"max_position_embeddings", 0}}, {"max_position_embeddings"});
  expect_bad({{"rms_norm_eps", -1}}, {"rms_norm_eps", "-1"});
  expect_bad({{"rms_norm_eps", 1e300}}, {"rms_norm_eps"});
  expect_bad({{"rope_theta", 0}}, {"rope_theta", "0"});
  expect_bad({{"partial_rotary_factor", 2}}, {"partial_rotary_factor", "2"});
  expect_bad({{"rope_scaling", {{"type", "linear"}, {"factor", -2}}}}, {"factor", "-2"});
  expect_bad({{"rope_scaling",
               {{"type", "longrope"}, {"factor", 2}, {"short_factor", {1}}, {"long_factor", {1, 2}}}}},
             {"short_factor", "1 numbers"});
  SmallHf experts = small_qwen3_moe();
  experts.config["head_dim"] = 4;
  experts.config["num_experts_per_tok"] = 9;
  expect_error(ErrorCode::kBadConfig, {"num_experts_per_tok", "9", "8"}, [&] { parse(experts); });
  experts.config["num_experts"] = 1'000'000;
  expect_error(ErrorCode::kBadConfig, {"num_experts", "1000000"}, [&] { parse(experts); });
}

TEST(HfConfigFaults, B20_UnknownArchitecturesNameTheSupportedOnes) {
  SmallHf model;
  model.set_type("gptj", "GPTJForCausalLM");
  expect_error(ErrorCode::kUnsupported,
               {"config.json", "model_type", "'gptj'", "LlamaForCausalLM", "Qwen3MoeForCausalLM"},
               [&] { parse(model); });
  model.set_type("llama", "LlamaForQuestionAnswering");
  expect_error(ErrorCode::kUnsupported, {"'LlamaForQuestionAnswering'", "LlamaForCausalLM"},
               [&] { parse(model); });
  model.config.erase("model_type");
  model.config["architectures"] = {"LlamaForCausalLM"};
  EXPECT_EQ(name_of(*parse(model).model.architecture), "llama") << "the class alone will do";
  model.config.erase("architectures");
  expect_error(ErrorCode::kBadFile, {"no 'model_type'"}, [&] { parse(model); });
}

// Both have the same model_type in published files.
TEST(HfConfigFaults, Ling1IsNotReadAsLing2) {
  SmallHf model;
  model.set_type("bailing_moe", "BailingMoeForCausalLM");
  expect_error(ErrorCode::kUnsupported, {"config.json: architectures", "Ling 1"}, [&] { parse(model); });
  model.set_type("bailing_moe", "BailingMoeV2ForCausalLM");
  const ModelDescription ling2 = parse(model).model;
  EXPECT_EQ(name_of(*ling2.architecture), "bailingmoe2");
  EXPECT_EQ(ling2.routing.groups, 8) << "the class's default";
  model.config["score_function"] = "softmax";
  expect_error(ErrorCode::kUnsupported, {"score_function", "'softmax'", "sigmoid"}, [&] { parse(model); });
}

SmallHf llama4_text() {
  SmallHf model;
  model.set_type("llama4_text", "Llama4ForCausalLM");
  model.config["num_hidden_layers"] = 5;
  model.config["head_dim"] = 4;
  return model;
}

TEST(HfConfig, Llama4IsReadAsItsClassReadsIt) {
  SmallHf model = llama4_text();
  const ModelDescription usual = parse(model).model;
  const AttentionDescription &rotated = usual.layers[0].attention, &whole = usual.layers[3].attention;
  EXPECT_EQ(rotated.window, 8192);
  EXPECT_TRUE(rotated.chunked);
  EXPECT_FALSE(rotated.tempered);
  EXPECT_EQ(rotated.norm, HeadNorm::kWeightless);
  EXPECT_EQ(whole.window, 0);
  EXPECT_FALSE(whole.chunked);
  EXPECT_TRUE(whole.tempered);
  EXPECT_EQ(whole.rope, LayerRope::kNone);
  EXPECT_EQ(whole.norm, HeadNorm::kNone);
  EXPECT_EQ(usual.temperature_length, 8192);
  EXPECT_EQ(usual.temperature_offset, 1);
  EXPECT_EQ(usual.experts(), 16);
  EXPECT_EQ(usual.routing.top_k, 1);
  EXPECT_TRUE(usual.routing.weighs_input);
  for (const LayerDescription& layer : usual.layers) EXPECT_EQ(layer.feed_forward.shared_width, 16);

  model.config["no_rope_layers"] = json::array();  // as published
  EXPECT_EQ(parse(model).model.layers[3].attention.rope, LayerRope::kNone);
  for (const json& off : {json(false), json(0), json(nullptr)}) {
    model.config["attn_temperature_tuning"] = off;
    EXPECT_EQ(parse(model).model.temperature_length, 0) << off;
  }
  model.config["attn_temperature_tuning"] = 4;
  EXPECT_EQ(parse(model).model.temperature_length, 8192);
  model.config["attention_chunk_size"] = nullptr;
  EXPECT_EQ(parse(model).model.window(), 0);
  EXPECT_EQ(parse(model).model.layers[0].attention.rope, LayerRope::kMain);
  model.config["moe_layers"] = {1, 4};
  model.config["intermediate_size_mlp"] = 48;
  const ModelDescription some = parse(model).model;
  EXPECT_EQ(some.layers[0].feed_forward.experts, 0);
  EXPECT_EQ(some.layers[0].feed_forward.width, 48);
  EXPECT_EQ(some.layers[4].feed_forward.experts, 16);
  EXPECT_EQ(some.layers[4].feed_forward.width, 16);
}

TEST(HfConfigFaults, Llama4sListsAndNumbers) {
  const auto refuse = [](const char* key, const json& value, std::string_view word) {
    SmallHf model = llama4_text();
    model.config[key] = value;
    expect_error(ErrorCode::kBadConfig, {key, word}, [&] { parse(model); });
  };
  refuse("no_rope_layers", {1, 0}, "2 entries");
  refuse("layer_types", {"full_attention"}, "1 entries");
  for (const char* key : {"attention_chunk_size", "interleave_moe_layer_step", "floor_scale"}) {
    SmallHf model = llama4_text();
    model.config[key] = 0;
    expect_error(ErrorCode::kBadFile, {key, "1 or more"}, [&] { parse(model); });
  }
  SmallHf model = llama4_text();
  model.config["layer_types"] = std::vector<std::string>(5, "sliding_attention");
  expect_error(ErrorCode::kUnsupported, {"layer_types", "'sliding_attention'", "chunked_attention"},
               [&] { parse(model); });
}

TEST(HfConfigFaults, PhiMoeWithoutItsMagnitudes) {
  SmallHf model;
  model.set_type("phimoe", "PhiMoEForCausalLM");
  model.config["head_dim"] = 4;
  EXPECT_EQ(parse(model).model.routing.score, RoutingDescription::Score::kOneByOne);
  EXPECT_FLOAT_EQ(parse(model).model.routing.jitter, 0.01F);
  model.config["rope_scaling"] = {{"rope_type", "longrope"},
                                  {"factor", 4},
                                  {"short_factor", {1, 2}},
                                  {"long_factor", {3, 4}},
                                  {"original_max_position_embeddings", 16}};
  expect_error(ErrorCode::kBadFile, {"short_mscale"}, [&] { parse(model); });
  model.config["rope_scaling"].update({{"short_mscale", 1.2}, {"long_mscale", 1.3}});
  EXPECT_EQ(parse(model).model.rope.scaling.short_attention_factor, 1.2F);
  EXPECT_EQ(parse(model).model.rope.scaling.attention_factor, 1.3F);
}

TEST(HfConfig, Gpt2AndStarCoderInTheirOwnWords) {
  SmallHf model;
  model.set_type("gpt2", "GPT2LMHeadModel");
  model.config = {{"model_type", "gpt2"}, {"architectures", {"GPT2LMHeadModel"}},
                  {"n_embd", 8},          {"n_layer", 3},
                  {"n_head", 2},          {"n_inner", nullptr},
                  {"n_positions", 32},    {"activation_function", "gelu_new"}};
  const ModelDescription gpt2 = parse(model).model;
  EXPECT_EQ(gpt2.depth(), 3);
  EXPECT_EQ(gpt2.vocab, 50257);
  EXPECT_EQ(gpt2.context, 32);
  EXPECT_EQ(gpt2.positions, 32);
  EXPECT_EQ(gpt2.layers[0].feed_forward.width, 32);
  EXPECT_EQ(gpt2.layers[0].attention.rope, LayerRope::kNone);
  EXPECT_EQ(gpt2.activation, ActivationFunction::kGeluTanh);
  EXPECT_TRUE(gpt2.tied_head);
  model.config["scale_attn_weights"] = false;
  EXPECT_EQ(parse(model).model.layers[2].attention.scale, 1);
  model.config["add_cross_attention"] = true;
  expect_error(ErrorCode::kUnsupported, {"add_cross_attention"}, [&] { parse(model); });
  model.config["add_cross_attention"] = false;
  model.config["model_type"] = "gpt_bigcode";
  model.config["architectures"] = {"GPTBigCodeForCausalLM"};
  EXPECT_EQ(parse(model).model.layers[0].attention.kv_heads, 1);
  model.config["multi_query"] = false;
  EXPECT_EQ(parse(model).model.layers[0].attention.kv_heads, 2);
}

TEST(HfConfig, StepInItsOwnWords) {
  SmallHf model;
  model.set_type("step3p5", "Step3p5ForCausalLM");
  model.config.update(
      {{"num_hidden_layers", 4},
       {"head_dim", 4},
       {"sliding_window", 8},
       {"layer_types",
        {"full_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention"}},
       {"rope_theta", {5e6, 1e4, 5e6, 1e4, 5e6}},
       {"partial_rotary_factors", {0.5, 1, 0.5, 1, 0.5}},
       {"moe_layers_enum", "1, 3,4"},
       {"moe_num_experts", 6},
       {"hidden_act", "gelu"},
       {"moe_top_k", 3},
       {"moe_router_scaling_factor", 3.0},
       {"share_expert_dim", 12},
       {"swiglu_limits", {0, 7, nullptr, 0, 0}},
       {"attention_other_setting", {{"num_attention_heads", 3}}}});
  const ModelDescription m = parse(model).model;
  EXPECT_EQ(m.rope.theta, 5e6F);
  EXPECT_EQ(m.rope.rotary_dim, 2);
  EXPECT_EQ(m.window_rope.theta, 1e4F);
  EXPECT_EQ(m.window_rope.rotary_dim, 4);
  EXPECT_EQ(m.layers[0].attention.q_heads, 2);
  EXPECT_EQ(m.layers[1].attention.q_heads, 3);
  EXPECT_EQ(m.layers[0].feed_forward.experts, 0);
  EXPECT_EQ(m.layers[1].feed_forward.experts, 6);
  EXPECT_EQ(m.layers[1].feed_forward.shared_width, 12);
  EXPECT_EQ(m.layers[1].feed_forward.limit, 7);
  EXPECT_EQ(m.layers[3].feed_forward.limit, 0);
  EXPECT_EQ(m.routing.top_k, 3);
  EXPECT_EQ(m.routing.scale, 3);
  EXPECT_EQ(m.activation, ActivationFunction::kSilu) << "whatever the field says, as in the class";
  for (const auto& [key, value, word] : {std::tuple{"use_head_wise_attn_gate", json(false), "gate"},
                                         std::tuple{"moe_router_activation", json("softmax"), "sigmoid"},
                                         std::tuple{"use_bidirectional_attention", json(true), "before"}}) {
    SmallHf other = model;
    other.config[key] = value;
    expect_error(ErrorCode::kUnsupported, {key, word}, [&] { parse(other); });
  }
  for (const json& odd : {json("1,x"), json({1, "2"}), json(3.5)}) {
    model.config["moe_layers_enum"] = odd;
    expect_error(ErrorCode::kBadFile, {"moe_layers_enum"}, [&] { parse(model); });
  }
  model.config["moe_layers_enum"] = {1, 3};
  model.config["swiglu_limits"] = {1, 2};
  expect_error(ErrorCode::kBadConfig, {"swiglu_limits", "2 entries"}, [&] { parse(model); });
  model.config["swiglu_limits"] = {1, -2, 0, 0};
  expect_error(ErrorCode::kBadConfig, {"swiglu_limits", "0 or more"}, [&] { parse(model); });
}

TEST(HfConfig, QuantizedWeights) {
  EXPECT_FALSE(golden("llama").quantization.has_value());
  EXPECT_EQ(golden("gptq_qwen3_sym_g128").quantization,
            (GroupQuantization{
                .layout = GroupLayout::kGptq, .group_size = 128, .added_to_zeros = 1, .is_symmetric = true}));
  EXPECT_EQ(golden("awq_qwen3_g64").quantization,
            (GroupQuantization{.layout = GroupLayout::kAwq, .group_size = 64}));
}

TEST(HfConfigFaults, B20_WhatFerrumDoesNotRun) {
  expect_bad({{"hidden_act", "relu6"}}, {"hidden_act", "'relu6'", "silu"}, ErrorCode::kUnsupported);
  expect_bad({{"rope_scaling", {{"rope_type", "spiral"}}}}, {"rope_scaling.rope_type", "'spiral'", "yarn"},
             ErrorCode::kUnsupported);
  expect_bad({{"quantization_config", {{"quant_method", "bitsandbytes"}}}},
             {"quantization_config.quant_method", "'bitsandbytes'"}, ErrorCode::kUnsupported);
  expect_bad({{"quantization_config", {{"quant_method", "gptq"}, {"bits", 8}}}},
             {"quantization_config.bits is 8"}, ErrorCode::kUnsupported);
}

TEST(HfConfigFaults, B20_NoJson) {
  expect_error(ErrorCode::kBadFile, {"config.json", "byte 1"}, [] { parse_hf_config("", "config.json"); });
  expect_error(ErrorCode::kBadFile, {"config.json", "an object"},
               [] { parse_hf_config("[]", "config.json"); });
}

}  // namespace
}  // namespace ferrum
