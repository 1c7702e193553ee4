// Hunyuan, dense and with experts: RMS norms of heads after the rotation; a shared expert. Hy3: the norms
// come before it, and experts are chosen by the logistic function.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace hunyuan {

using Role = TensorRole;
using Score = RoutingDescription::Score;

void read_dense(HfReader& in) {
  in.head_norms(HeadNorm::kHead, true);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

// As transformers, which gives the experts and the shared one the same width.
void read_moe(HfReader& in) {
  read_dense(in);
  const int width = in.model().layers.front().feed_forward.width;
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), true);
  in.each_layer([&](int, LayerDescription& layer) {
    layer.feed_forward.width = layer.feed_forward.shared_width = width;
  });
}

void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead, true);
  in.experts(true);
}

void read_hy3(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
  in.experts(in.sparse_layers([](int i) { return i > 0; }), true);
  in.model().routing.renormalize = true;  // the class has no field for it
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = true;
}

void read_hy3_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kDenseNames[] = {{"hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM"}};
constexpr HfName kMoeNames[] = {{"hunyuan_v1_moe", "HunYuanMoEV1ForCausalLM"}};
constexpr HfName kHy3Names[] = {{"hy_v3", "HYV3ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kQueryNorm, ExpertCount::kNone, "layers.#.self_attn.query_layernorm", ""},
    {Role::kKeyNorm, ExpertCount::kNone, "layers.#.self_attn.key_layernorm", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.mlp.gate.wg", ""},
};

}  // namespace hunyuan

extern const Architecture kHunyuanDense = {.name = "hunyuan-dense",
                                           .hf = hunyuan::kDenseNames,
                                           .hf_defaults = {.eps = 1e-5},
                                           .names = hunyuan::kTensors,
                                           .read_hf = hunyuan::read_dense,
                                           .read_gguf = hunyuan::read_gguf};
extern const Architecture kHunyuanMoe = {.name = "hunyuan-moe",
                                         .hf = hunyuan::kMoeNames,
                                         .hf_defaults = {.eps = 1e-5, .experts = 1, .top_k = 1},
                                         .names = hunyuan::kTensors,
                                         .read_hf = hunyuan::read_moe,
                                         .read_gguf = hunyuan::read_gguf};
extern const Architecture kHyV3 = {.name = "hy_v3",
                                   .hf = hunyuan::kHy3Names,
                                   .hf_defaults = {.head_dim = 128,
                                                   .context = 131072,
                                                   .eps = 1e-5,
                                                   .theta = 11158840,
                                                   .kv_heads = 8,
                                                   .experts = 192,
                                                   .top_k = 8,
                                                   .expert_width = 1536,
                                                   .shared_experts = 1,
                                                   .expert_scale = 2.826},
                                   .read_hf = hunyuan::read_hy3,
                                   .read_gguf = hunyuan::read_hy3_gguf};

}  // namespace ferrum
