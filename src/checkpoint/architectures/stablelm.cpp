// StableLM: layer norms, a quarter of each head rotated, attention and feed-forward in parallel in some
// sizes.
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace stablelm {

using Role = TensorRole;

void set_switches(ModelDescription& model, bool parallel) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.wiring.parallel = parallel;
}

void read_hf(HfReader& in) {
  set_switches(in.model(), in.boolean("use_parallel_residual", false));
  in.biases("use_qkv_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.refuse_true("qk_layernorm", "runs StableLM without norms of heads");
}

void read_gguf(GgufReader& in) { set_switches(in.model(), !in.has_tensor({Role::kFfnNorm, 0})); }

constexpr HfName kNames[] = {{"stablelm", "StableLmForCausalLM"}};

}  // namespace stablelm

extern const Architecture kStableLm = {
    .name = "stablelm",
    .hf = stablelm::kNames,
    .hf_defaults = {.context = 4096, .eps = 1e-5, .rotary_share = 0.25, .kv_heads = 32},
    .read_hf = stablelm::read_hf,
    .read_gguf = stablelm::read_gguf};

}  // namespace ferrum
