// GPT-2 and StarCoder 1 (GPT-BigCode, SantaCoder): learned positions, layer norms, biases everywhere, no
// gate, a tied head. GPT-2's folders store matrices that multiply from the right.
#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "checkpoint/gguf/gguf_reader.h"
#include "checkpoint/packed_heads.h"
#include "checkpoint/row_views.h"
#include "checkpoint/safetensors/hf_reader.h"

namespace ferrum {
namespace gpt2 {

using Role = TensorRole;

void set_switches(ModelDescription& model) {
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  model.gated = false;
  model.positions = model.context;
  model.biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kUp, Role::kDown};
  for (LayerDescription& layer : model.layers) layer.attention.rope = LayerRope::kNone;
}

void respell(Json& config) {
  constexpr std::array<std::pair<const char*, const char*>, 6> kWords = {
      {{"n_embd", "hidden_size"},
       {"n_layer", "num_hidden_layers"},
       {"n_head", "num_attention_heads"},
       {"n_positions", "max_position_embeddings"},
       {"n_inner", "intermediate_size"},
       {"activation_function", "hidden_act"}}};
  for (const auto& [own, usual] : kWords)
    if (config.contains(own) && !config[own].is_null() && !config.contains(usual))
      config[usual] = config[own];
  const auto hidden = config.find("hidden_size");
  if (!config.contains("intermediate_size") && hidden != config.end() && hidden->is_number_integer() &&
      hidden->get<int64_t>() > 0 && hidden->get<int64_t>() < (1 << 28))
    config["intermediate_size"] = 4 * hidden->get<int64_t>();
  const auto multi = config.find("multi_query");
  const bool is_bigcode = config.value("model_type", Json("")) == "gpt_bigcode";
  if (is_bigcode && (multi == config.end() || *multi == true)) config["num_key_value_heads"] = 1;
}

void read_hf(HfReader& in) {
  set_switches(in.model());
  if (!in.config().find("hidden_act")) in.model().activation = ActivationFunction::kGeluTanh;
  in.refuse_true("add_cross_attention", "runs decoders without an encoder beside them");
  const bool scales = in.boolean("scale_attn_weights", true);
  const bool by_layer = in.boolean("scale_attn_by_inverse_layer_idx", false);
  in.each_layer([&](int i, LayerDescription& layer) {
    if (!scales) layer.attention.scale = 1;
    if (by_layer) layer.attention.scale /= static_cast<float>(i + 1);
  });
}

void read_gguf(GgufReader& in) {
  ModelDescription& model = in.model();
  const auto rows = static_cast<int>(in.tensor_rows({Role::kPositionEmbedding}));
  model.context = std::min(model.context, std::max(1, rows));
  set_switches(model);
  model.positions = std::max(1, rows);
  model.activation = ActivationFunction::kGeluTanh;
}

void adapt_hf(std::vector<HostTensor>& tensors, const ModelDescription&) {
  constexpr std::string_view kMatrices[] = {".attn.c_attn.weight", ".attn.c_proj.weight", ".mlp.c_fc.weight",
                                            ".mlp.c_proj.weight"};
  for (HostTensor& tensor : tensors)
    for (const std::string_view name : kMatrices) {
      if (!tensor.name.ends_with(name) || tensor.shape.size() != 2) continue;
      if (!is_float(tensor.format) || tensor.maker)
        fail(ErrorCode::kUnsupported, "tensor {}: Ferrum runs folders of GPT-2 in F32, F16 or BF16",
             in_quotes(tensor.name));
      tensor = transposed(tensor);
    }
}

// With a key for each query head, the rows of a head's q, k and v follow each other.
void adapt_bigcode(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  if (model.first_attention().kv_heads > 1) join_groups_of_heads(tensors, ".attn.c_attn.", model);
}

constexpr HfName kNames[] = {{"gpt2", "GPT2LMHeadModel"}};
constexpr HfName kBigCodeNames[] = {{"gpt_bigcode", "GPTBigCodeForCausalLM"}};
// Folders of the model without its head lack the prefix.
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "transformer.wte", ""},
    {Role::kPositionEmbedding, ExpertCount::kNone, "transformer.wpe", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "transformer.ln_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "transformer.h.#.ln_1", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "transformer.h.#.attn.c_attn", "blk.#.attn_qkv"},
    {Role::kAttentionOut, ExpertCount::kNone, "transformer.h.#.attn.c_proj", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "transformer.h.#.ln_2", ""},
    {Role::kUp, ExpertCount::kNone, "transformer.h.#.mlp.c_fc", ""},
    {Role::kDown, ExpertCount::kNone, "transformer.h.#.mlp.c_proj", ""},
    {Role::kEmbedding, ExpertCount::kNone, "wte", ""},
    {Role::kPositionEmbedding, ExpertCount::kNone, "wpe", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "ln_f", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "h.#.ln_1", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "h.#.attn.c_attn", "blk.#.attn_qkv"},
    {Role::kAttentionOut, ExpertCount::kNone, "h.#.attn.c_proj", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "h.#.ln_2", ""},
    {Role::kUp, ExpertCount::kNone, "h.#.mlp.c_fc", ""},
    {Role::kDown, ExpertCount::kNone, "h.#.mlp.c_proj", ""},
};
// Masks of causal attention, which files store.
constexpr std::string_view kIgnored[] = {".attn.bias", ".attn.masked_bias"};

}  // namespace gpt2

extern const Architecture kGpt2 = {
    .name = "gpt2",
    .hf = gpt2::kNames,
    .hf_defaults = {.context = 1024, .eps = 1e-5, .tied_head = true, .vocab = 50257},
    .names = gpt2::kTensors,
    .read_hf = gpt2::read_hf,
    .read_gguf = gpt2::read_gguf,
    .respell_hf = gpt2::respell,
    .adapt_hf = gpt2::adapt_hf,
    .ignored = gpt2::kIgnored};
extern const Architecture kStarCoder = {
    .name = "starcoder",
    .hf = gpt2::kBigCodeNames,
    .hf_defaults = {.context = 1024, .eps = 1e-5, .tied_head = true, .vocab = 50257},
    .names = gpt2::kTensors,
    .read_hf = gpt2::read_hf,
    .read_gguf = gpt2::read_gguf,
    .respell_hf = gpt2::respell,
    .adapt_hf = gpt2::adapt_bigcode,
    .ignored = gpt2::kIgnored};

}  // namespace ferrum
