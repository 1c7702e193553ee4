// SmolLM3: Llama without rotation on every fourth layer.
#include <algorithm>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace smollm3 {

using Role = TensorRole;

constexpr int kPeriod = 4;

void read_hf(HfReader& in) {
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
  const int period = std::max(1, in.integer("no_rope_layer_interval", kPeriod));
  const auto rotated = in.config().find_integers("no_rope_layers");  // 1 where a layer rotates, 0 where not
  if (rotated && static_cast<int>(rotated->size()) < in.depth())
    fail(ErrorCode::kBadConfig, "{} has {} entries, but num_hidden_layers is {}",
         in.config().place("no_rope_layers"), rotated->size(), in.depth());
  const auto rotates = [&](int i) {
    return rotated ? (*rotated)[static_cast<size_t>(i)] != 0 : (i + 1) % period != 0;
  };
  // layer_types decides; where it is silent, layers that do not rotate have the window.
  const bool slides = in.boolean("use_sliding_window", false);
  in.windows(0, [&](int i) { return slides && !rotates(i); });
  in.each_layer([&](int i, LayerDescription& layer) {
    if (!rotates(i)) layer.attention.rope = LayerRope::kNone;
  });
}

void read_gguf(GgufReader& in) {
  in.each_layer([](int i, LayerDescription& layer) {
    if ((i + 1) % kPeriod == 0) layer.attention.rope = LayerRope::kNone;
  });
}

constexpr HfName kNames[] = {{"smollm3", "SmolLM3ForCausalLM"}};

}  // namespace smollm3

extern const Architecture kSmolLm3 = {
    .name = "smollm3",
    .hf = smollm3::kNames,
    .hf_defaults = {.context = 32768, .theta = 2000000, .tied_head = true, .kv_heads = 4},
    .gguf_interleaved = true,
    .read_hf = smollm3::read_hf,
    .read_gguf = smollm3::read_gguf};

}  // namespace ferrum
