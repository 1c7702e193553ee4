#include "checkpoint/tensor_names.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferrum {
namespace {

using Role = TensorRole;

struct Case {
  TensorKey key;
  const char* hugging_face;  // null: has none
  const char* gguf;
};

const std::vector<Case> kCases = {
    {{Role::kEmbedding}, "model.embed_tokens.weight", "token_embd.weight"},
    {{Role::kFinalNorm}, "model.norm.weight", "output_norm.weight"},
    {{Role::kHead}, "lm_head.weight", "output.weight"},
    {{Role::kAttentionNorm, 0}, "model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight"},
    {{Role::kQuery, 12}, "model.layers.12.self_attn.q_proj.weight", "blk.12.attn_q.weight"},
    {{Role::kKey, 1, -1, true}, "model.layers.1.self_attn.k_proj.bias", "blk.1.attn_k.bias"},
    {{Role::kValue, 1}, "model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight"},
    {{Role::kQueryKeyValue, 1}, "model.layers.1.self_attn.qkv_proj.weight", "blk.1.attn_qkv.weight"},
    {{Role::kAttentionOut, 1}, "model.layers.1.self_attn.o_proj.weight", "blk.1.attn_output.weight"},
    {{Role::kQueryNorm, 1}, "model.layers.1.self_attn.q_norm.weight", "blk.1.attn_q_norm.weight"},
    {{Role::kKeyNorm, 1}, "model.layers.1.self_attn.k_norm.weight", "blk.1.attn_k_norm.weight"},
    {{Role::kFfnNorm, 1}, "model.layers.1.post_attention_layernorm.weight", "blk.1.ffn_norm.weight"},
    {{Role::kGate, 1}, "model.layers.1.mlp.gate_proj.weight", "blk.1.ffn_gate.weight"},
    {{Role::kUp, 1}, "model.layers.1.mlp.up_proj.weight", "blk.1.ffn_up.weight"},
    {{Role::kGateUp, 1}, "model.layers.1.mlp.gate_up_proj.weight", nullptr},
    {{Role::kDown, 1, -1, true}, "model.layers.1.mlp.down_proj.bias", "blk.1.ffn_down.bias"},
    {{Role::kRouter, 1}, "model.layers.1.mlp.gate.weight", "blk.1.ffn_gate_inp.weight"},
    {{Role::kExpertGate, 1, 17},
     "model.layers.1.mlp.experts.17.gate_proj.weight",
     "blk.1.ffn_gate.17.weight"},
    {{Role::kExpertUp, 1, 0}, "model.layers.1.mlp.experts.0.up_proj.weight", "blk.1.ffn_up.0.weight"},
    {{Role::kExpertDown, 1, 0}, "model.layers.1.mlp.experts.0.down_proj.weight", "blk.1.ffn_down.0.weight"},
    {{Role::kExpertGate, 1}, nullptr, "blk.1.ffn_gate_exps.weight"},
    {{Role::kExpertUp, 1}, nullptr, "blk.1.ffn_up_exps.weight"},
    {{Role::kExpertGateUp, 1}, "model.layers.1.mlp.experts.gate_up_proj", "blk.1.ffn_gate_up_exps.weight"},
    {{Role::kExpertDown, 1}, "model.layers.1.mlp.experts.down_proj", "blk.1.ffn_down_exps.weight"},
    {{Role::kRopeFrequencies}, nullptr, "rope_freqs.weight"},
    {{Role::kRopeFactorsLong}, nullptr, "rope_factors_long.weight"},
    {{Role::kRopeFactorsShort}, nullptr, "rope_factors_short.weight"},
};

TEST(TensorNames, BothWorldsThereAndBack) {
  for (const Case& c : kCases) {
    for (const auto& [naming, name] :
         {std::pair{Naming::kHuggingFace, c.hugging_face}, {Naming::kGguf, c.gguf}}) {
      if (name == nullptr) continue;
      EXPECT_EQ(NameTable().name(naming, c.key), name);
      const auto key = NameTable().parse(naming, name);
      ASSERT_TRUE(key.has_value()) << name;
      EXPECT_EQ(*key, c.key) << name;
    }
  }
}

TEST(TensorNames, ThePrefixOfTheModelIsOptional) {
  EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, "layers.3.mlp.up_proj.weight"),
            (TensorKey{Role::kUp, 3}));
  EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, "norm.weight"), (TensorKey{Role::kFinalNorm}));
  EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, "embed_tokens.weight"), (TensorKey{Role::kEmbedding}));
}

TEST(TensorNames, WrappingsHavePrefixes) {
  for (const char* prefix :
       {"model.", "model.language_model.", "language_model.model.", "language_model.", ""}) {
    EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, std::string(prefix) + "layers.3.mlp.up_proj.weight"),
              (TensorKey{Role::kUp, 3}))
        << prefix;
  }
  EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, "language_model.lm_head.weight"),
            (TensorKey{Role::kHead}));
  EXPECT_EQ(NameTable().parse(Naming::kHuggingFace, "language_model.model.blocks.3.mlp.up_proj.weight"),
            (TensorKey{Role::kUp, 3}));
  EXPECT_TRUE(is_of_another_modality("mm_projector.proj.0.weight"));
  EXPECT_TRUE(is_of_another_modality("model.visual.blocks.0.attn.qkv.weight"));
  EXPECT_TRUE(is_of_another_modality("multi_modal_projector.linear_1.weight"));
  EXPECT_FALSE(is_of_another_modality("model.layers.0.mlp.up_proj.weight"));
}

TEST(TensorNames, AnArchitecturesOwnReplaceTheUsualOnes) {
  constexpr TensorNames kOwn[] = {
      {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm", ""},
      {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
      {Role::kSinks, ExpertCount::kNone, "layers.#.self_attn.attention_sink_bias!", ""},
  };
  const NameTable names(kOwn);
  EXPECT_EQ(names.parse(Naming::kHuggingFace, "model.layers.1.post_attention_layernorm.weight"),
            (TensorKey{Role::kAfterAttentionNorm, 1}));
  EXPECT_EQ(names.name(Naming::kHuggingFace, {Role::kFfnNorm, 1}),
            "model.layers.1.pre_feedforward_layernorm.weight");
  EXPECT_EQ(names.name(Naming::kGguf, {Role::kFfnNorm, 1}), "blk.1.ffn_norm.weight") << "only in folders";
  EXPECT_EQ(names.name(Naming::kHuggingFace, {Role::kSinks, 2}),
            "model.layers.2.self_attn.attention_sink_bias");
  EXPECT_FALSE(names.parse(Naming::kHuggingFace, "model.layers.2.self_attn.sinks").has_value());
}

TEST(TensorNames, OtherNamesAreNothing) {
  for (const char* name :
       {"", "model.layers.01.mlp.up_proj.weight", "model.layers.-1.mlp.up_proj.weight",
        "model.layers..mlp.up_proj.weight", "model.layers.1.mlp.up_proj",
        "model.layers.1.mlp.up_proj.weight2", "model.layers.99999999999999999999.mlp.up_proj.weight",
        "blk.1.ffn_up.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"})
    EXPECT_FALSE(NameTable().parse(Naming::kHuggingFace, name).has_value()) << name;
  for (const char* name :
       {"blk.1.ffn_up.1.2.weight", "blk.0.attn_q.scale", "token_embd", "model.norm.weight"})
    EXPECT_FALSE(NameTable().parse(Naming::kGguf, name).has_value()) << name;
}

}  // namespace
}  // namespace ferrum
