// InternLM 2 and 2.5: Llama with q, k and v of each key head in one tensor, in words of its own.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/packed_heads.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace internlm2 {

using Role = TensorRole;

void read_hf(HfReader& in) {
  in.biases("bias", true, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
}

void read_gguf(GgufReader&) {}  // biases are taken where the file has them

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  split_groups_of_heads(tensors, ".attention.wqkv.", {".attention.wq.", ".attention.wk.", ".attention.wv."},
                        model);
}

constexpr HfName kNames[] = {{"internlm2", "InternLM2ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "tok_embeddings", ""},
    {Role::kHead, ExpertCount::kNone, "output", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.attention_norm", ""},
    {Role::kQuery, ExpertCount::kNone, "layers.#.attention.wq", ""},
    {Role::kKey, ExpertCount::kNone, "layers.#.attention.wk", ""},
    {Role::kValue, ExpertCount::kNone, "layers.#.attention.wv", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "layers.#.attention.wqkv", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.attention.wo", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.ffn_norm", ""},
    {Role::kGate, ExpertCount::kNone, "layers.#.feed_forward.w1", ""},
    {Role::kUp, ExpertCount::kNone, "layers.#.feed_forward.w3", ""},
    {Role::kDown, ExpertCount::kNone, "layers.#.feed_forward.w2", ""},
};

}  // namespace internlm2

extern const Architecture kInternLm2 = {.name = "internlm2",
                                        .hf = internlm2::kNames,
                                        .hf_defaults = {.context = 2048, .eps = 1e-6},
                                        .names = internlm2::kTensors,
                                        .gguf_interleaved = true,
                                        .read_hf = internlm2::read_hf,
                                        .read_gguf = internlm2::read_gguf,
                                        .adapt_hf = internlm2::adapt_hf};

}  // namespace ferrum
