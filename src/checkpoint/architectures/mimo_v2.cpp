// MiMo-V2: values narrower than keys and scaled, windows with sinks and twice the key and value heads,
// experts chosen by the logistic function.
#include <functional>

#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace mimo_v2 {

using Role = TensorRole;
using Score = RoutingDescription::Score;

// As published, kinds of layers are lists of 0 and 1: windows, and experts.
std::function<bool(int)> listed(HfReader& in, std::string_view key, std::function<bool(int)> usual) {
  const auto list = in.config().find_integers(key);
  if (!list) return usual;
  in.require_each_layer(key, list->size());
  return [list](int layer) { return (*list)[static_cast<size_t>(layer)] != 0; };
}

void read_hf(HfReader& in) {
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue});
  in.windows(
      129, listed(in, "hybrid_layer_pattern", [](int layer) { return layer != 0 && (layer + 1) % 6 != 0; }));
  if (!in.rope_fields()) {  // as published
    in.model().rope.theta = in.number("rope_theta", in.model().rope.theta);
    in.model().window_rope.theta = in.number("swa_rope_theta", in.model().window_rope.theta);
  }
  in.model().wiring.eps = in.number("layernorm_epsilon", in.model().wiring.eps);
  // The reference attends to sliding_window_size tokens before the one that asks.
  const auto before = in.config().find_integer("sliding_window_size");
  const bool said = in.config().contains("attention_value_scale");
  const float value_scale = in.number("attention_value_scale", said ? 1 : 0.707);
  const int value_dim = in.integer("v_head_dim", 128);
  in.each_layer([&](int, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    a.value_dim = value_dim;
    a.value_scale = value_scale;
    if (a.window == 0) return;
    if (before) a.window = *before + 1;
    a.sinks = true;
    a.kv_heads = in.integer("swa_num_key_value_heads", 2 * a.kv_heads);
  });
  in.experts(in.sparse_layers(listed(in, "moe_layer_freq", [](int i) { return i > 0; })), true);
  in.model().routing.score = Score::kSigmoid;
  in.model().routing.selection_bias = true;
}

void read_gguf(GgufReader& in) {
  in.windows([](int layer) { return layer != 0 && (layer + 1) % 6 != 0; });
  const float value_scale = in.number("attention.value_scale").value_or(1);
  in.each_layer([&](int i, LayerDescription& layer) {
    layer.attention.value_scale = value_scale;
    layer.attention.sinks = in.has_tensor({Role::kSinks, i});
  });
  in.experts(true, Score::kSigmoid);
}

constexpr HfName kNames[] = {{"mimo_v2_flash", "MiMoV2FlashForCausalLM"}, {"mimo_v2", "MiMoV2ForCausalLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kSinks, ExpertCount::kNone, "layers.#.self_attn.attention_sink_bias!", ""},
};
constexpr std::string_view kIgnored[] = {".mtp.", ".nextn."};

}  // namespace mimo_v2

extern const Architecture kMimoV2 = {
    .name = "mimo2",
    .hf = mimo_v2::kNames,
    .hf_defaults =
        {.head_dim = 192,
         .context = 131072,
         .eps = 1e-5,
         .theta = 5000000,
         .rotary_share = 0.334,
         .kv_heads = 4,
         .experts = 256,
         .top_k = 8,
         .expert_width = 2048,
         .rope =
             R"({"full_attention": {"rope_theta": 5000000}, "sliding_attention": {"rope_theta": 10000}})"},
    .names = mimo_v2::kTensors,
    .read_hf = mimo_v2::read_hf,
    .read_gguf = mimo_v2::read_gguf,
    .ignored = mimo_v2::kIgnored};

}  // namespace ferrum
