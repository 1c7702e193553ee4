#include "checkpoint/gguf/gguf_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/log.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/layers.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

using test::expect_error;
using test::SmallGguf;
using Words = std::initializer_list<std::string_view>;
using Kind = RopeScaling::Kind;
using Layers = std::vector<bool>;
namespace gguf = test::gguf;

ModelDescription describe(const SmallGguf& model) {
  const std::string bytes = model.build();
  const auto file = GgufFile::parse(test::as_bytes(bytes), "m.gguf");
  return describe_gguf(file->metadata(), TensorTable(Naming::kGguf, file->tensors(), "m.gguf"));
}

void expect_bad(const SmallGguf& model, Words words, ErrorCode code = ErrorCode::kBadConfig) {
  expect_error(code, words, [&] { describe(model); });
}

TEST(GgufModel, LlamaWithDefaults) {
  const ModelDescription m = describe(SmallGguf());
  EXPECT_EQ(name_of(*m.architecture), "llama");
  EXPECT_EQ(m.depth(), 2);
  EXPECT_EQ(m.hidden, 8);
  EXPECT_EQ(m.vocab, 10) << "rows of the embedding";
  EXPECT_EQ(m.layers.front().attention.q_heads, 2);
  EXPECT_EQ(m.layers.front().attention.kv_heads, 1);
  EXPECT_EQ(m.layers.front().attention.head_dim, 4);
  EXPECT_EQ(m.dense_width(), 16);
  EXPECT_EQ(m.context, 64);
  EXPECT_EQ(m.wiring.eps, 1e-5f);
  EXPECT_EQ(m.rope.theta, 10000);
  EXPECT_EQ(m.rope.rotary_dim, 4);
  EXPECT_TRUE(m.rope.interleaved) << "q and k of llama files are permuted";
  EXPECT_EQ(m.rope.scaling.kind, Kind::kNone);
  EXPECT_FALSE(m.tied_head);
  EXPECT_EQ(m.window(), 0);
  EXPECT_EQ(test::moe_layers(m), Layers(2, false));
}

TEST(GgufModel, QwensRotateHalves) {
  for (const char* name : {"qwen2", "qwen3"}) {
    const ModelDescription m = describe(SmallGguf(name));
    EXPECT_EQ(name_of(*m.architecture), name);
    EXPECT_FALSE(m.rope.interleaved);
  }
}

TEST(GgufModel, ModernBertsActivationIsAKey) {
  EXPECT_EQ(describe(SmallGguf("modern-bert")).activation, ActivationFunction::kGelu);
  SmallGguf silu("modern-bert");
  silu.others.string("modern-bert.hidden_activation", "silu");
  EXPECT_EQ(describe(silu).activation, ActivationFunction::kSilu);
  SmallGguf unknown("modern-bert");
  unknown.others.string("modern-bert.hidden_activation", "wiggle");
  expect_bad(unknown, {"m.gguf: modern-bert.hidden_activation is 'wiggle'"}, ErrorCode::kUnsupported);
}

TEST(GgufModel, ModernBertsWindowsAreAListOrAPeriod) {
  SmallGguf period("modern-bert");
  period.set("attention.sliding_window", 4);
  period.set("attention.sliding_window_pattern", 1);
  EXPECT_EQ(test::sliding_layers(describe(period)), Layers({false, false}));
  SmallGguf list("modern-bert");
  list.set("attention.sliding_window", 4);
  list.others.array<uint32_t>("modern-bert.attention.sliding_window_pattern", gguf::kU32, {1, 0});
  EXPECT_EQ(test::sliding_layers(describe(list)), Layers({true, false}));
}

// Converters leave out BERT's pooler and have no name for the scores of some classes.
TEST(GgufModel, HalfAClassifierIsRefused) {
  for (const char* name : {"bert", "jina-bert-v2", "modern-bert"}) {
    SmallGguf no_pooler(name);
    no_pooler.tensors["cls.output.weight"] = {1, 8};
    expect_bad(no_pooler, {"m.gguf: tensor 'cls.weight' is missing", "`ferrum convert`"},
               ErrorCode::kBadFile);
    SmallGguf no_scores(name);
    no_scores.tensors["cls.weight"] = {2, 8};
    expect_bad(no_scores, {"m.gguf: tensor 'cls.output.weight' is missing"}, ErrorCode::kBadFile);
    SmallGguf whole = no_pooler;
    whole.tensors["cls.weight"] = {8, 8};
    EXPECT_TRUE(describe(whole).text_head.classifies);
  }
}

TEST(GgufModel, PartsOfNeoXStandBesideEachOtherUnlessTheFileSaysNot) {
  EXPECT_TRUE(describe(SmallGguf("gptneox")).wiring.parallel_norms);
  SmallGguf in_turn("gptneox");
  in_turn.others.boolean("gptneox.use_parallel_residual", false);
  EXPECT_FALSE(describe(in_turn).wiring.parallel);
}

TEST(GgufModel, FalconWithTwoNormsInALayerIsRefused) {
  EXPECT_TRUE(describe(SmallGguf("falcon")).wiring.parallel);
  SmallGguf two("falcon");
  two.tensors["blk.0.attn_norm_2.weight"] = {8};
  expect_bad(two, {"m.gguf", "attn_norm_2", "two norms"}, ErrorCode::kUnsupported);
}

// As llama.cpp's converter writes it: no heads and no inner layer.
SmallGguf mamba_gguf() {
  SmallGguf model("mamba2");
  model.integers.erase("attention.head_count_kv");
  model.set("attention.head_count", 0);
  model.set("feed_forward_length", 0);
  model.set("ssm.conv_kernel", 4);
  model.set("ssm.inner_size", 16);
  model.set("ssm.state_size", 6);
  model.set("ssm.time_step_rank", 4);
  model.set("ssm.group_count", 2);
  return model;
}

TEST(GgufModel, Mamba2HasNoHeads) {
  const ModelDescription m = describe(mamba_gguf());
  EXPECT_TRUE(m.has(Mixer::kStateSpace));
  EXPECT_FALSE(m.has(Mixer::kAttention));
  EXPECT_EQ(m.state_space.head_dim, 4);
  EXPECT_FALSE(m.layers.front().attends());
  EXPECT_FALSE(m.layers.front().feeds_forward);
}

TEST(GgufModel, WithoutAHeadTheEmbeddingServes) {
  SmallGguf model;
  model.tensors.erase("output.weight");
  EXPECT_TRUE(describe(model).tied_head);
}

SmallGguf latent_gguf() {
  SmallGguf model("deepseek2");
  model.set("attention.kv_lora_rank", 6);
  model.set("rope.dimension_count", 2);
  return model;
}

void expect_latent(const ModelDescription& m) {
  const AttentionDescription& a = m.layers.back().attention;
  EXPECT_EQ(a.kv_heads, 1);
  EXPECT_EQ(a.head_dim, 4);
  EXPECT_EQ(a.value_dim, 8);
  EXPECT_EQ(a.latent, 6);
  EXPECT_EQ(a.rope_dim, 2);
  EXPECT_EQ(m.rope.rotary_dim, 2);
  EXPECT_TRUE(m.rope.interleaved);
}

TEST(GgufModel, TokensCountWhereTheVocabularysSizeIsAnother) {
  SmallGguf model;
  model.set("vocab_size", 7);
  model.others.strings("tokenizer.ggml.tokens", {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  const log::Recorder recorder;
  EXPECT_EQ(describe(model).vocab, 10);
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0],
                  "llama.vocab_size is 7, but the vocabulary and the embedding have 10");
}

TEST(GgufModel, LatentAttentionOfOlderFilesAndNew) {
  SmallGguf older = latent_gguf();
  older.set("attention.head_count_kv", 2);
  older.set("attention.key_length", 4);
  older.set("attention.value_length", 8);
  expect_latent(describe(older));
  SmallGguf newer = latent_gguf();
  newer.set("attention.key_length", 8);
  newer.set("attention.value_length", 6);
  newer.set("attention.key_length_mla", 4);
  newer.set("attention.value_length_mla", 8);
  expect_latent(describe(newer));
  EXPECT_EQ(describe(newer).layers.front().attention.query_latent, 0) << "there is a tensor for q";
  newer.set("attention.q_lora_rank", 10);
  newer.tensors.erase("blk.0.attn_q.weight");
  EXPECT_EQ(describe(newer).layers.front().attention.query_latent, 10);
  newer.integers.erase("attention.kv_lora_rank");
  expect_bad(newer, {"'deepseek2.attention.kv_lora_rank' is missing"});
}

// The number is a tenth of mscale_all_dim, which makes products of q and k larger.
TEST(GgufModel, LatentAttentionScalesByYarn) {
  SmallGguf model = latent_gguf();
  model.set("attention.key_length_mla", 4);
  model.set("rope.scaling.original_context_length", 16);
  model.others.string("deepseek2.rope.scaling.type", "yarn")
      .f32("deepseek2.rope.scaling.factor", 8)
      .f32("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707F);
  const ModelDescription m = describe(model);
  EXPECT_NEAR(*m.rope.scaling.mscale, 0.707, 1e-6);
  EXPECT_NEAR(*m.rope.scaling.mscale_all_dim, 0.707, 1e-6);
  const double magnitude = 1 + 0.0707 * std::log(8.0);
  EXPECT_NEAR(m.layers.front().attention.scale, magnitude * magnitude / 2, 1e-6);
}

TEST(GgufModel, KeysThatMaySayMore) {
  SmallGguf model;
  model.set("attention.key_length", 6);
  model.set("attention.value_length", 6);
  model.set("rope.dimension_count", 4);
  model.set("vocab_size", 11);
  model.others.f32("llama.rope.freq_base", 5e5f).string("general.name", "Small");
  const ModelDescription m = describe(model);
  EXPECT_EQ(m.layers.front().attention.head_dim, 6);
  EXPECT_EQ(m.rope.rotary_dim, 4);
  EXPECT_EQ(m.vocab, 11);
  EXPECT_EQ(m.rope.theta, 5e5f);
  EXPECT_EQ(m.name, "Small");
}

TEST(GgufModel, HeadCountsOfEveryLayer) {
  SmallGguf model;
  model.integers.erase("attention.head_count_kv");
  model.others.array<int32_t>("llama.attention.head_count_kv", gguf::kI32, {1, 1});
  EXPECT_EQ(describe(model).layers.front().attention.kv_heads, 1);
  SmallGguf uneven;
  uneven.integers.erase("attention.head_count_kv");
  uneven.others.array<int32_t>("llama.attention.head_count_kv", gguf::kI32, {1, 2});
  EXPECT_EQ(describe(uneven).layers[0].attention.kv_heads, 1);
  EXPECT_EQ(describe(uneven).layers[1].attention.kv_heads, 2);
  SmallGguf short_one;
  short_one.integers.erase("attention.head_count_kv");
  short_one.others.array<int32_t>("llama.attention.head_count_kv", gguf::kI32, {1});
  expect_bad(short_one, {"llama.attention.head_count_kv", "1 entries", "2 layers"});
}

TEST(GgufModel, RopeScaling) {
  SmallGguf linear;
  linear.others.string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 4);
  EXPECT_EQ(describe(linear).rope.scaling.kind, Kind::kLinear);
  EXPECT_EQ(describe(linear).rope.scaling.factor, 4);
  SmallGguf old_linear;
  old_linear.others.f32("llama.rope.scale_linear", 2);
  EXPECT_EQ(describe(old_linear).rope.scaling.kind, Kind::kLinear);
  EXPECT_EQ(describe(old_linear).rope.scaling.factor, 2);
  SmallGguf yarn;
  yarn.set("rope.scaling.original_context_length", 16);
  yarn.others.string("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.factor", 4);
  yarn.others.f32("llama.rope.scaling.yarn_beta_fast", 16);
  const RopeScaling s = describe(yarn).rope.scaling;
  EXPECT_EQ(s.kind, Kind::kYarn);
  EXPECT_EQ(s.original_context, 16);
  EXPECT_EQ(s.beta_fast, 16);
  EXPECT_EQ(s.beta_slow, 1);
  EXPECT_FALSE(s.attention_factor.has_value());
  yarn.others.f32("llama.rope.scaling.attn_factor", 2);
  EXPECT_NEAR(*describe(yarn).rope.scaling.attention_factor, 2 * (1 + 0.1 * std::log(4.0)), 1e-6);
}

TEST(GgufModel, RopeFactorsInTensors) {
  SmallGguf model;
  model.tensors["rope_freqs.weight"] = {2};
  model.others.string("llama.rope.scaling.type", "none");
  expect_bad(model, {"m.gguf", "rope_freqs", "0"});  // zeros divide by zero
  SmallGguf longrope;
  longrope.others.f32_tensor("rope_factors_long.weight", {2}, 3)
      .f32_tensor("rope_factors_short.weight", {2}, 1.5f);
  longrope.others.string("llama.rope.scaling.type", "longrope").f32("llama.rope.scaling.attn_factor", 1.25f);
  const RopeScaling s = describe(longrope).rope.scaling;
  EXPECT_EQ(s.kind, Kind::kLongRope);
  EXPECT_EQ(s.long_factors, (std::vector<float>{3, 3}));
  EXPECT_EQ(s.short_factors, (std::vector<float>{1.5f, 1.5f}));
  EXPECT_EQ(s.attention_factor, 1.25f);
  SmallGguf llama3;
  llama3.others.f32_tensor("rope_freqs.weight", {2}, 8);
  EXPECT_EQ(describe(llama3).rope.frequency_divisors, (std::vector<float>{8, 8}));
  EXPECT_EQ(describe(llama3).rope.scaling.kind, Kind::kNone);
}

TEST(GgufModel, Windows) {
  SmallGguf model;
  model.set("attention.sliding_window", 32);
  EXPECT_EQ(test::sliding_layers(describe(model)), Layers(2, true));
  EXPECT_EQ(describe(model).window(), 32);
  SmallGguf by_layer = model;
  by_layer.others.array<uint8_t>("llama.attention.sliding_window_pattern", gguf::kBool, {0, 1});
  EXPECT_EQ(test::sliding_layers(describe(by_layer)), (Layers{false, true}));
  SmallGguf periodic = model;
  periodic.set("attention.sliding_window_pattern", 2);
  EXPECT_EQ(test::sliding_layers(describe(periodic)), (Layers{true, false}));
}

TEST(GgufModel, Experts) {
  SmallGguf model("qwen3moe");
  model.set("expert_count", 4);
  model.set("expert_used_count", 2);
  model.set("expert_feed_forward_length", 6);
  model.tensors["blk.1.ffn_gate_inp.weight"] = {4, 8};
  const ModelDescription m = describe(model);
  EXPECT_EQ(m.experts(), 4);
  EXPECT_EQ(m.routing.top_k, 2);
  EXPECT_EQ(m.expert_width(), 6);
  EXPECT_EQ(test::moe_layers(m), (Layers{false, true})) << "layers with a router";
  EXPECT_TRUE(m.routing.renormalize) << "as llama.cpp does for this architecture";
  model.others.boolean("qwen3moe.expert_weights_norm", 0);
  EXPECT_FALSE(describe(model).routing.renormalize);
}

TEST(GgufModel, LingsExpertsAreInEightGroupsWhereTheFileDoesNotSay) {
  SmallGguf model("bailingmoe2");
  model.set("expert_count", 16);
  model.set("expert_used_count", 2);
  EXPECT_EQ(describe(model).routing.groups, 8);
  EXPECT_EQ(describe(model).routing.groups_used, 4);
  model.set("expert_group_count", 2);
  model.set("expert_group_used_count", 1);
  EXPECT_EQ(describe(model).routing.groups, 2);
  EXPECT_EQ(describe(model).routing.groups_used, 1);
}

TEST(GgufModel, Llama4WhereTheFileSaysLittle) {
  SmallGguf model("llama4");
  model.set("block_count", 4);
  model.set("expert_count", 16);
  model.set("expert_used_count", 1);
  const ModelDescription scout = describe(model);
  EXPECT_EQ(test::sliding_layers(scout), (Layers{true, true, true, false}));
  EXPECT_EQ(scout.window(), 8192);
  EXPECT_TRUE(scout.layers[0].attention.chunked);
  EXPECT_EQ(scout.layers[0].attention.norm, HeadNorm::kWeightless);
  EXPECT_EQ(scout.layers[3].attention.rope, LayerRope::kNone);
  EXPECT_EQ(scout.temperature_length, 8192);
  EXPECT_FLOAT_EQ(scout.temperature_beta, 0.1F);
  EXPECT_EQ(scout.temperature_offset, 1);
  EXPECT_EQ(scout.routing.score, RoutingDescription::Score::kSigmoid);
  EXPECT_TRUE(scout.routing.weighs_input);
  model.set("expert_count", 128);
  EXPECT_EQ(describe(model).layers[0].attention.norm, HeadNorm::kNone) << "Maverick";
  model.set("attention.sliding_window", 0);
  const ModelDescription whole = describe(model);
  EXPECT_EQ(whole.window(), 0);
  EXPECT_EQ(whole.layers[3].attention.rope, LayerRope::kMain);
  EXPECT_EQ(whole.temperature_length, 0);
}

TEST(GgufModel, GenerationDefaults) {
  test::GgufBytes b;
  b.f32("general.sampling.temp", 0.5f)
      .f32("general.sampling.top_p", 0.75f)
      .f32("general.sampling.min_p", 0.25f);
  b.pair("general.sampling.top_k", gguf::kI32, test::le<int32_t>(20))
      .f32("general.sampling.penalty_repeat", 1.5f);
  b.u32("tokenizer.ggml.eos_token_id", 3)
      .u32("tokenizer.ggml.eot_token_id", 5)
      .u32("tokenizer.ggml.eom_token_id", 3);
  const std::string bytes = b.build();
  const auto file = GgufFile::parse(test::as_bytes(bytes), "m.gguf");
  const GenerationDefaults d = gguf_generation(file->metadata(), 10);
  EXPECT_EQ(d.temperature, 0.5f);
  EXPECT_EQ(d.top_p, 0.75f);
  EXPECT_EQ(d.min_p, 0.25f);
  EXPECT_EQ(d.top_k, 20);
  EXPECT_EQ(d.repetition_penalty, 1.5f);
  EXPECT_EQ(d.stop_tokens, (std::vector<TokenId>{3, 5}));
  const log::Recorder recorder;
  EXPECT_EQ(gguf_generation(file->metadata(), 4).stop_tokens, (std::vector<TokenId>{3}));
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0],
                  "m.gguf: tokenizer.ggml.eot_token_id is 5, which names none of the 4 tokens");
}

TEST(GgufModelFaults, B07_KnownKeysOfAnotherType) {
  SmallGguf model;
  model.integers.erase("block_count");
  model.others.string("llama.block_count", "2");
  expect_bad(model, {"m.gguf", "'llama.block_count'", "integer", "a string"}, ErrorCode::kBadFile);
  SmallGguf base;
  base.others.string("llama.rope.freq_base", "1e4");
  expect_bad(base, {"'llama.rope.freq_base'", "a number", "a string"}, ErrorCode::kBadFile);
}

TEST(GgufModelFaults, B13_MissingZeroOrContradicting) {
  SmallGguf model;
  model.integers.erase("attention.head_count");
  expect_bad(model, {"m.gguf", "'llama.attention.head_count'", "missing"});
  model.set("attention.head_count", 0);
  expect_bad(model, {"llama.attention.head_count", "0"});
  model.set("attention.head_count", 2);
  model.set("attention.head_count_kv", 0);
  expect_bad(model, {"head_count_kv", "0"});
  SmallGguf values;
  values.set("attention.value_length", 2);
  EXPECT_EQ(describe(values).layers.front().attention.value_dim, 2) << "they may be narrower";
}

TEST(GgufModelFaults, B14_AbsurdNumbers) {
  SmallGguf model;
  model.set("block_count", 1'000'000'000);
  expect_bad(model, {"m.gguf", "llama.block_count", "1000000000", "1 to 1024"});
  SmallGguf head;
  head.set("attention.key_length", 7);
  head.set("attention.value_length", 7);
  expect_bad(head, {"m.gguf", "key_length", "7", "even"});
  SmallGguf wide;
  wide.set("embedding_length", 4'000'000'000);
  expect_bad(wide, {"llama.embedding_length", "4000000000"});
  SmallGguf nan;
  nan.others.f32("llama.rope.freq_base", std::nanf(""));
  expect_bad(nan, {"rope.freq_base", "nan"});
}

TEST(GgufModelFaults, SamplingOfAnotherTypeIsIgnoredWithAWarning) {
  const std::string bytes =
      test::GgufBytes().string("general.sampling.temp", "hot").f32("general.sampling.top_k", 50).build();
  const auto file = GgufFile::parse(test::as_bytes(bytes), "m.gguf");
  const log::Recorder recorder;
  const GenerationDefaults d = gguf_generation(file->metadata(), 4);
  EXPECT_EQ(d.temperature, std::nullopt);
  EXPECT_EQ(d.top_k, 50);
  ASSERT_EQ(recorder.warnings().size(), 1u);
  EXPECT_CONTAINS(recorder.warnings()[0], "'general.sampling.temp'");
}

TEST(GgufModelFaults, N12_ArraysThatDoNotFitTheLayers) {
  for (const char* key : {"attention.head_count", "attention.head_count_kv", "feed_forward_length"}) {
    for (const std::vector<int32_t>& values : {std::vector<int32_t>{1}, {1, 1, 1}, {}}) {
      SmallGguf model;
      model.integers.erase(key);
      model.others.array(model.key(key), gguf::kI32, values);
      expect_bad(model, {model.key(key), "entries", "2 layers"});
    }
    SmallGguf model;
    model.integers.erase(key);
    model.others.strings(model.key(key), {"1", "1"});
    expect_bad(model, {model.key(key), "an array of integers", "string"}, ErrorCode::kBadFile);
  }
  SmallGguf window;
  window.set("attention.sliding_window", 8);
  window.others.array<int32_t>("llama.attention.sliding_window_pattern", gguf::kI32, {1});
  expect_bad(window, {"sliding_window_pattern", "1 entries", "2 layers"});
  for (const std::vector<int32_t>& values : {std::vector<int32_t>{1}, {1, 0, 1}, {}}) {
    SmallGguf hybrid("qwen35");
    hybrid.others.array("qwen35.attention.recurrent_layers", gguf::kI32, values);
    expect_bad(hybrid, {"qwen35.attention.recurrent_layers", "entries", "2 layers"});
  }
}

TEST(GgufModelFaults, B20_WhatFerrumDoesNotRun) {
  expect_bad(
      SmallGguf("gptj"),
      {"m.gguf", "general.architecture", "'gptj'", "llama, mistral3, qwen2, qwen2moe, qwen3, qwen3moe"},
      ErrorCode::kUnsupported);
  expect_bad(SmallGguf(""), {"general.architecture", "missing"});
  SmallGguf gating("qwen3moe");
  gating.set("expert_count", 8);
  gating.set("expert_used_count", 2);
  gating.set("expert_gating_func", 4);
  expect_bad(gating, {"qwen3moe.expert_gating_func", "4", "softmax"}, ErrorCode::kUnsupported);
  SmallGguf scaling;
  scaling.others.string("llama.rope.scaling.type", "spiral");
  expect_bad(scaling, {"llama.rope.scaling.type", "'spiral'", "yarn"}, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace ferrum
