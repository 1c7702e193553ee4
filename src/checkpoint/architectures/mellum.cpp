// Mellum 2: Qwen3 with experts, and with windows on some layers, which have a rotation of their own.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace mellum {

using Role = TensorRole;

void read_hf(HfReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.windows(1024, [](int) { return false; });
  in.experts(in.sparse_layers([](int) { return true; }), true);
}

// The window's rotation is not scaled.
void read_gguf(GgufReader& in) {
  in.head_norms(HeadNorm::kHead);
  in.windows([](int layer) { return (layer + 1) % 4 != 0; });
  in.model().window_rope.scaling = {};
  in.experts(true);
}

constexpr HfName kNames[] = {{"mellum", "MellumForCausalLM"}};
constexpr std::string_view kIgnored[] = {"mtp."};

}  // namespace mellum

extern const Architecture kMellum = {.name = "mellum",
                                     .hf = mellum::kNames,
                                     .hf_defaults = {.head_dim = 128,
                                                     .context = 131072,
                                                     .theta = 500000,
                                                     .kv_heads = 4,
                                                     .experts = 64,
                                                     .top_k = 8,
                                                     .expert_width = 896,
                                                     .rope = R"({"full_attention": {"rope_theta": 500000},
                               "sliding_attention": {"rope_theta": 10000}})"},
                                     .read_hf = mellum::read_hf,
                                     .read_gguf = mellum::read_gguf,
                                     .ignored = mellum::kIgnored};

}  // namespace ferrum
