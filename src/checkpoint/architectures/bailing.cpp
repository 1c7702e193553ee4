// Ling 2 and Ring 2: norms of query and key heads, half of each head rotated, q, k and v in one tensor;
// experts as in DeepSeek V3, behind leading dense layers, and a shared expert. Ling 1 chooses experts in
// another way.
#include "base/ascii.h"
#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace bailing {

using Role = TensorRole;
using Score = RoutingDescription::Score;

constexpr int kGroups = 8, kGroupsUsed = 4;  // the defaults of the class

void check_is_second(const HfReader& in) {
  const auto classes = in.config().find_strings("architectures");
  if (classes && !classes->empty() && to_lower(classes->front()) == "bailingmoeforcausallm")
    fail(ErrorCode::kUnsupported, "{} is {}, which is Ling 1; Ferrum runs Ling 2 and Ring 2",
         in.config().place("architectures"), in_quotes(classes->front()));
  if (const auto score = in.config().find_string("score_function"); score && *score != "sigmoid")
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs sigmoid", in.config().place("score_function"),
         in_quotes(*score));
  in.refuse_true("norm_head", "does not normalise the rows of the head");
}

// The class divides by the sum whatever norm_topk_prob says, unless a token has one expert.
void set_weights(RoutingDescription& r) {
  r.renormalize = r.top_k > 1;
  if (r.renormalize) r.floor = 1e-20F;
}

void read_hf(HfReader& in) {
  check_is_second(in);
  if (in.boolean("use_qk_norm", false)) in.head_norms(HeadNorm::kHead);
  in.biases("use_qkv_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.biases("use_bias", false, {Role::kAttentionOut});
  const int dense = in.integer("first_k_dense_replace", 1);
  in.experts(in.sparse_layers([dense](int i) { return i >= dense; }), true);
  RoutingDescription& r = in.model().routing;
  r.score = Score::kSigmoid;
  r.selection_bias = true;
  r.groups = in.integer("n_group", kGroups);
  r.groups_used = in.integer("topk_group", kGroupsUsed);
  set_weights(r);
}

// Files of earlier converters do not say how many groups there are, and all published models have the
// class's.
void read_gguf(GgufReader& in) {
  if (in.has_tensor({Role::kQueryNorm, 0})) in.head_norms(HeadNorm::kHead);
  in.experts(true, Score::kSigmoid);
  RoutingDescription& r = in.model().routing;
  if (!in.integer("expert_group_count") && in.integer("expert_count").value_or(0) % kGroups == 0) {
    r.groups = kGroups;
    r.groups_used = kGroupsUsed;
  }
  set_weights(r);
}

constexpr HfName kNames[] = {{"bailing_moe_v2", "BailingMoeV2ForCausalLM"},
                             {"bailing_moe", "BailingMoeV2ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "word_embeddings", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "layers.#.attention.query_key_value", ""},
    {Role::kQueryNorm, ExpertCount::kNone, "layers.#.attention.query_layernorm", ""},
    {Role::kKeyNorm, ExpertCount::kNone, "layers.#.attention.key_layernorm", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.attention.dense", ""},
    {Role::kSelectionBias, ExpertCount::kNone, "layers.#.mlp.gate.expert_bias!", ""},
};

}  // namespace bailing

extern const Architecture kBailingMoe2 = {.name = "bailingmoe2",
                                          .hf = bailing::kNames,
                                          .hf_defaults = {.head_dim = 128,
                                                          .context = 32768,
                                                          .eps = 1e-6,
                                                          .theta = 600000,
                                                          .rotary_share = 0.5,
                                                          .kv_heads = 4,
                                                          .experts = 256,
                                                          .top_k = 8,
                                                          .expert_width = 512,
                                                          .shared_experts = 1},
                                          .names = bailing::kTensors,
                                          .read_hf = bailing::read_hf,
                                          .read_gguf = bailing::read_gguf};

}  // namespace ferrum
