// GLM-4 as first published (GLM 4 9B, GLM-Edge): neighbours rotated in half of each head, gate and up in one
// tensor. GLM-4 of 2025: sandwich norms as well. GLM-4.5 and later with experts: pre-norm,
// halves rotated, experts chosen by the logistic function, a shared expert; norms of heads in the largest.
// Solar Open is such a one with experts in every layer.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace glm4 {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void read_first(HfReader& in) {
  in.model().rope.interleaved = true;
  in.biases("attention_bias", true, {Role::kQuery, Role::kKey, Role::kValue});
}

void read_dense(HfReader& in) {
  read_first(in);
  in.model().wiring.norm_after = true;
}

void read_first_gguf(GgufReader&) {}  // biases are taken where the file has them

void read_dense_gguf(GgufReader& in) { in.model().wiring.norm_after = true; }

void read_mixture(HfReader& in, const std::vector<bool>& layers) {
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.experts(layers, true);
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = true;
}

void read_moe(HfReader& in) {
  if (in.boolean("use_qk_norm", false)) in.head_norms(HeadNorm::kHead);
  const int dense = in.integer("first_k_dense_replace", 1);
  read_mixture(in, in.sparse_layers([dense](int i) { return i >= dense; }));
}

void read_solar(HfReader& in) { read_mixture(in, std::vector<bool>(static_cast<size_t>(in.depth()), true)); }

void read_moe_gguf(GgufReader& in) {
  if (in.has_tensor({Role::kQueryNorm, 0})) in.head_norms(HeadNorm::kHead);
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kFirstNames[] = {{"glm", "GlmForCausalLM"}};
constexpr HfName kDenseNames[] = {{"glm4", "Glm4ForCausalLM"}};
constexpr HfName kMoeNames[] = {{"glm4_moe", "Glm4MoeForCausalLM"}};
constexpr HfName kSolarNames[] = {{"solar_open", "SolarOpenForCausalLM"}};
constexpr TensorNames kFirstTensors[] = {
    {Role::kGateUp, ExpertCount::kNone, "", "blk.#.ffn_up"},
};
constexpr TensorNames kDenseTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_self_attn_layernorm", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "layers.#.post_mlp_layernorm", ""},
    {Role::kGateUp, ExpertCount::kNone, "", "blk.#.ffn_up"},
};
constexpr TensorNames kMoeTensors[] = {
    {Role::kFfnNorm, ExpertCount::kNone, "", "blk.#.post_attention_norm"},
};
constexpr std::string_view kIgnored[] = {".nextn.", ".eh_proj", ".enorm", ".hnorm", ".shared_head"};

}  // namespace glm4

extern const Architecture kGlm = {
    .name = "chatglm",
    .hf = glm4::kFirstNames,
    .hf_defaults = {.head_dim = 128, .context = 131072, .eps = 1.5625e-7, .rotary_share = 0.5, .kv_heads = 2},
    .names = glm4::kFirstTensors,
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = glm4::read_first,
    .read_gguf = glm4::read_first_gguf};
extern const Architecture kGlm4 = {
    .name = "glm4",
    .hf = glm4::kDenseNames,
    .hf_defaults = {.head_dim = 128, .context = 131072, .eps = 1.5625e-7, .rotary_share = 0.5, .kv_heads = 2},
    .names = glm4::kDenseTensors,
    .gguf_interleaved = true,
    .hf_interleaved = true,
    .read_hf = glm4::read_dense,
    .read_gguf = glm4::read_dense_gguf};
extern const Architecture kGlm4Moe = {.name = "glm4moe",
                                      .hf = glm4::kMoeNames,
                                      .hf_defaults = {.context = 131072,
                                                      .eps = 1e-5,
                                                      .rotary_share = 0.5,
                                                      .kv_heads = 8,
                                                      .experts = 128,
                                                      .top_k = 8,
                                                      .expert_width = 1408,
                                                      .shared_experts = 1},
                                      .names = glm4::kMoeTensors,
                                      .has_mtp = true,
                                      .read_hf = glm4::read_moe,
                                      .read_gguf = glm4::read_moe_gguf,
                                      .ignored = glm4::kIgnored};
extern const Architecture kSolarOpen = {.name = "solar-open",
                                        .hf = glm4::kSolarNames,
                                        .gguf = "glm4moe",
                                        .hf_defaults = {.head_dim = 128,
                                                        .context = 131072,
                                                        .eps = 1e-5,
                                                        .theta = 1e6,
                                                        .kv_heads = 8,
                                                        .experts = 128,
                                                        .top_k = 8,
                                                        .expert_width = 1280,
                                                        .shared_experts = 1},
                                        .names = glm4::kMoeTensors,
                                        .read_hf = glm4::read_solar};

}  // namespace ferrum
