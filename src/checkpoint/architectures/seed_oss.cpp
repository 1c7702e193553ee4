// Seed-OSS: Llama with biases of q, k and v.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace seed_oss {

using Role = TensorRole;

void read_hf(HfReader& in) {
  in.biases("attention_bias", true, {Role::kQuery, Role::kKey, Role::kValue});
  in.biases("attention_out_bias", false, {Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
}

void read_gguf(GgufReader&) {}  // biases are taken where the file has them

constexpr HfName kNames[] = {{"seed_oss", "SeedOssForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kFfnNorm, ExpertCount::kNone, "", "blk.#.post_attention_norm"},
};

}  // namespace seed_oss

extern const Architecture kSeedOss = {.name = "seed_oss",
                                      .hf = seed_oss::kNames,
                                      .hf_defaults = {.head_dim = 128, .context = 524288, .kv_heads = 8},
                                      .names = seed_oss::kTensors,
                                      .read_hf = seed_oss::read_hf,
                                      .read_gguf = seed_oss::read_gguf};

}  // namespace ferrum
