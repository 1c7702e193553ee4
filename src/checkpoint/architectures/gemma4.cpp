// Gemma 4 (text): heads of two sizes, values without a weight of their own in layers that see everything,
// layers that read another's keys and values, experts beside a dense part, and what each layer adds for a
// token by itself. Norms are stored as they are.
#include <cmath>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/safetensors/hf_reader.h"
#include "checkpoint/safetensors/hf_rope.h"

namespace ferrum {
namespace gemma4 {

using Role = TensorRole;

void set_common(ModelDescription& model) {
  model.embedding_scale = std::sqrt(static_cast<float>(model.hidden));
  model.activation = ActivationFunction::kGeluTanh;
  model.wiring.norm_after = true;
  model.layer_scales = true;
  for (LayerDescription& layer : model.layers) {
    layer.attention.norm = HeadNorm::kHead;
    layer.attention.value_norm = true;
    layer.attention.scale = 1;
  }
}

// The last layers read keys and values of the last layer of their kind that has its own.
void share(ModelDescription& model, int sharing, const std::string& place) {
  const int own = model.depth() - sharing;
  if (sharing < 0 || (sharing > 0 && own < 1))
    fail(ErrorCode::kBadConfig, "{} is {}, but there are {} layers", place, sharing, model.depth());
  for (int i = own; i < model.depth(); ++i) {
    AttentionDescription& a = model.layers[static_cast<size_t>(i)].attention;
    for (int j = 0; j < own; ++j)
      if ((model.layers[static_cast<size_t>(j)].attention.window > 0) == (a.window > 0)) a.kv_layer = j;
    if (a.kv_layer < 0)
      fail(ErrorCode::kBadConfig, "{} is {}, but layer {} finds no layer of its kind before them", place,
           sharing, i);
    a.value_is_key = false;
  }
}

void set_experts_beside(ModelDescription& model, const std::vector<int>& dense_widths) {
  for (size_t i = 0; i < model.layers.size(); ++i)
    if (model.layers[i].feed_forward.experts > 0) model.layers[i].feed_forward.beside_width = dense_widths[i];
}

std::vector<int> widths_of(const ModelDescription& model) {
  std::vector<int> widths;
  for (const LayerDescription& layer : model.layers) widths.push_back(layer.feed_forward.width);
  return widths;
}

// Heads of layers without a window: for all of them, or layer by layer.
void read_heads(HfReader& in) {
  const auto head_dim = in.first_integer({"global_head_dim"});
  const auto kv_heads = in.first_integer({"num_global_key_value_heads"});
  const bool value_is_key = in.boolean("attention_k_eq_v", false);
  const auto by_layer = in.config().find("per_layer_config");
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    if (a.window == 0) {
      a.head_dim = a.value_dim = head_dim.value_or(a.head_dim);
      if (value_is_key) a.kv_heads = kv_heads.value_or(a.kv_heads);
      a.value_is_key = value_is_key;
    }
    const auto own = by_layer ? by_layer->find(std::to_string(i)) : std::nullopt;
    if (!own) return;
    a.head_dim = a.value_dim = own->find_integer("head_dim").value_or(a.head_dim);
    a.kv_heads = own->find_integer("num_key_value_heads").value_or(a.kv_heads);
  });
}

// Of the pairs (i, i + half) of a whole head, a share rotates, with the frequencies of the whole.
void read_rotation(HfReader& in) {
  RopeDescription& rope = in.model().rope;
  for (const LayerDescription& layer : in.model().layers) {
    if (layer.attention.window == 0) rope.rotary_dim = layer.attention.head_dim;
    if (layer.attention.window > 0) in.model().window_rope.rotary_dim = layer.attention.head_dim;
  }
  const auto fields = in.rope_fields();
  constexpr float kWindowTheta = 10000;
  if (!fields) in.model().window_rope.theta = kWindowTheta;
  const auto full = fields ? fields->find("full_attention") : std::nullopt;
  const double share = full ? full->find_number("partial_rotary_factor").value_or(1) : 0.25;
  rotate_share(rope, rope.rotary_dim, share, full ? full->find_number("factor").value_or(1) : 1);
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  set_common(model);
  in.activation("hidden_activation");
  if (in.config().string_or("use_bidirectional_attention", "vision") == "all")
    fail(ErrorCode::kUnsupported, "{} is 'all'; Ferrum runs models of text that see what is before",
         in.config().place("use_bidirectional_attention"));
  in.placeholders({{"image_token_id", 258880}, {"video_token_id", 258884}, {"audio_token_id", 258881}},
                  in.integer("pad_token_id", 0));
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  const bool is_unified = in.config().string_or("model_type", "") == "gemma4_unified_text";
  in.windows(is_unified ? 1024 : 512, [](int layer) { return (layer + 1) % 6 != 0; });
  read_heads(in);
  read_rotation(in);
  model.logit_cap = in.number("final_logit_softcapping", 0);
  const int sharing = in.integer("num_kv_shared_layers", 0);
  share(model, sharing, in.config().place("num_kv_shared_layers"));
  if (in.boolean("use_double_wide_mlp", false))
    in.each_layer([](int, LayerDescription& layer) {
      if (layer.attention.kv_layer >= 0) layer.feed_forward.width *= 2;
    });
  model.per_layer_width = in.integer("hidden_size_per_layer_input", 0);
  model.per_layer_vocab = in.integer("vocab_size_per_layer_input", model.vocab);
  if (!in.boolean("enable_moe_block", false)) return;
  const std::vector<int> widths = widths_of(model);
  in.experts(std::vector<bool>(widths.size(), true), true);
  set_experts_beside(model, widths);
}

void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  set_common(model);
  in.windows([](int layer) { return (layer + 1) % 6 != 0; });
  const auto key_length = in.integer("attention.key_length_swa");
  const auto value_length = in.integer("attention.value_length_swa");
  in.each_layer([&](int i, LayerDescription& layer) {
    AttentionDescription& a = layer.attention;
    if (a.window > 0) {
      a.head_dim = key_length.value_or(a.head_dim);
      a.value_dim = value_length.value_or(a.head_dim);
    }
    a.value_is_key = !in.has_tensor({Role::kValue, i}) && !in.has_tensor({Role::kQueryKeyValue, i});
  });
  model.logit_cap = in.number("final_logit_softcapping").value_or(30);
  share(model, in.integer("attention.shared_kv_layers").value_or(0), "attention.shared_kv_layers");
  model.per_layer_width = in.integer("embedding_length_per_layer_input").value_or(0);
  model.per_layer_vocab = static_cast<int>(in.tensor_rows({Role::kPerLayerEmbedding}));
  const std::vector<int> widths = widths_of(model);
  in.experts(true);
  set_experts_beside(model, widths);
}

constexpr HfName kNames[] = {{"gemma4_text", "Gemma4ForCausalLM"},
                             {"gemma4", "Gemma4ForConditionalGeneration"},
                             {"gemma4_unified_text", "Gemma4UnifiedForCausalLM"},
                             {"gemma4_unified", "Gemma4UnifiedForConditionalGeneration"}};
constexpr TensorNames kTensors[] = {
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "layers.#.post_attention_layernorm", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm", ""},
    {Role::kRouter, ExpertCount::kNone, "layers.#.router.proj", ""},
    {Role::kRouterScale, ExpertCount::kNone, "layers.#.router.scale!", "blk.#.ffn_gate_inp.scale!"},
    {Role::kExpertScales, ExpertCount::kNone, "layers.#.router.per_expert_scale!",
     "blk.#.ffn_down_exps.scale!"},
    {Role::kBeforeExpertsNorm, ExpertCount::kNone, "layers.#.pre_feedforward_layernorm_2",
     "blk.#.pre_ffw_norm_2"},
    {Role::kAfterExpertsNorm, ExpertCount::kNone, "layers.#.post_feedforward_layernorm_2",
     "blk.#.post_ffw_norm_2"},
    {Role::kAfterDenseNorm, ExpertCount::kNone, "layers.#.post_feedforward_layernorm_1",
     "blk.#.post_ffw_norm_1"},
    {Role::kExpertGateUp, ExpertCount::kAll, "layers.#.experts.gate_up_proj*", "blk.#.ffn_gate_up_exps"},
    {Role::kExpertDown, ExpertCount::kAll, "layers.#.experts.down_proj*", "blk.#.ffn_down_exps"},
    {Role::kLayerScale, ExpertCount::kNone, "layers.#.layer_scalar!", "blk.#.layer_output_scale"},
    {Role::kPerLayerEmbedding, ExpertCount::kNone, "embed_tokens_per_layer", "per_layer_token_embd"},
    {Role::kPerLayerProjection, ExpertCount::kNone, "per_layer_model_projection", "per_layer_model_proj"},
    {Role::kPerLayerProjectionNorm, ExpertCount::kNone, "per_layer_projection_norm", "per_layer_proj_norm"},
    {Role::kPerLayerGate, ExpertCount::kNone, "layers.#.per_layer_input_gate", "blk.#.inp_gate"},
    {Role::kPerLayerOut, ExpertCount::kNone, "layers.#.per_layer_projection", "blk.#.proj"},
    {Role::kPerLayerNorm, ExpertCount::kNone, "layers.#.post_per_layer_input_norm", "blk.#.post_norm"},
};

}  // namespace gemma4

extern const Architecture kGemma4 = {
    .name = "gemma4",
    .hf = gemma4::kNames,
    .hf_defaults = {.head_dim = 256, .context = 131072, .theta = 1e6, .tied_head = true, .kv_heads = 4},
    .names = gemma4::kTensors,
    .read_hf = gemma4::read_hf,
    .read_gguf = gemma4::read_gguf};

}  // namespace ferrum
