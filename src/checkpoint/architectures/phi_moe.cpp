// Phi-3.5-MoE: layer norms with biases, experts chosen one after the other (SparseMixer), LongRoPE with
// magnitudes of its own, a bias of the head.
#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace phi_moe {

using Role = TensorRole;

constexpr double kJitter = 0.01;

bool every(int) { return true; }

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.routing.score = RoutingDescription::Score::kOneByOne;
  model.routing.renormalize = false;
}

// In place of what LongRoPE computes of itself.
void read_magnitudes(const HfReader& in, RopeScaling& s) {
  if (s.kind != RopeScaling::Kind::kLongRope) return;
  const auto rope = in.rope_fields();
  s.short_attention_factor = static_cast<float>(rope->at("short_mscale").number());
  s.attention_factor = static_cast<float>(rope->at("long_mscale").number());
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("lm_head_bias", false, {Role::kHead});
  in.windows(0, every);
  read_magnitudes(in, model.rope.scaling);
  read_magnitudes(in, model.window_rope.scaling);
  in.experts(std::vector<bool>(static_cast<size_t>(in.depth()), true), false);
  set_switches(model);
  model.routing.jitter = in.number("router_jitter_noise", kJitter);
}

void read_gguf(GgufReader& in) {
  in.windows(every);
  in.experts(false);
  set_switches(in.model());
  in.model().routing.jitter = kJitter;
}

constexpr HfName kNames[] = {{"phimoe", "PhiMoEForCausalLM"}};

}  // namespace phi_moe

extern const Architecture kPhiMoe = {
    .name = "phimoe",
    .hf = phi_moe::kNames,
    .hf_defaults = {.context = 131072, .eps = 1e-5, .theta = 1e6, .kv_heads = 8, .experts = 16, .top_k = 2},
    .read_hf = phi_moe::read_hf,
    .read_gguf = phi_moe::read_gguf};

}  // namespace ferrum
