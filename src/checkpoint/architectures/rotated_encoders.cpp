// Encoders whose positions are rotations, with layer norms of sums: NomicBERT (gated by SiLU, no biases; as a
// mixture, every second layer has experts that are not gated), Jina embeddings v3 (XLM-RoBERTa otherwise) and
// GTE (gated; its folders stack up over gate).
#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/architectures/encoder_switches.h"
#include "checkpoint/row_views.h"

namespace ferrum {

extern const Architecture kNomicBertMoe;

namespace rotated_encoders {

using Role = TensorRole;

constexpr double kThetaOfNomic = 1000;

// ---- NomicBERT ----

// As its own code spells the configuration: GPT-2's words.
constexpr std::pair<std::string_view, std::string_view> kNomicWords[] = {
    {"n_embd", "hidden_size"},
    {"n_layer", "num_hidden_layers"},
    {"n_head", "num_attention_heads"},
    {"n_inner", "intermediate_size"},
    {"n_positions", "max_position_embeddings"},
    {"layer_norm_epsilon", "layer_norm_eps"},
    {"rotary_emb_base", "rope_theta"},
    {"rotary_emb_fraction", "partial_rotary_factor"},
    {"moe_top_k", "num_experts_per_tok"},
    {"moe_normalize_expert_weights", "norm_topk_prob"},
};

void respell_nomic(Json& config) {
  for (const auto& [word, usual] : kNomicWords)
    if (config.contains(word) && !config.contains(usual))
      config[std::string(usual)] = config[std::string(word)];
  if (const auto n = config.find("intermediate_size"); n != config.end() && n->is_null())
    if (const auto hidden = config.find("hidden_size"); hidden != config.end() && hidden->is_number())
      config["intermediate_size"] = 4 * hidden->get<int64_t>();
}

void refuse_if(const HfReader& in, std::string_view key, bool refused) {
  if (refused)
    fail(ErrorCode::kUnsupported, "{} is set; Ferrum runs this architecture without it",
         in.config().place(key));
}

// Of every `moe_every_n_layers` layers the second has experts.
void read_mixture_of_nomic(HfReader& in) {
  const auto every = in.config().find_integer("moe_every_n_layers").value_or(0);
  if (every <= 1) return;
  ModelDescription& model = in.model();
  model.architecture = &kNomicBertMoe;
  std::vector<bool> layers;
  for (int i = 0; i < in.depth(); ++i) layers.push_back(i % every == 1);
  in.experts(layers, false);
  for (LayerDescription& layer : model.layers)
    layer.feed_forward.mixture_bias = layer.feed_forward.experts > 0;
  refuse_if(in, "num_shared_experts", in.config().find_integer("num_shared_experts").value_or(0) > 0);
  refuse_if(in, "expert_choice_router", in.boolean("expert_choice_router", false));
}

// The experts' matrices, one below the other: the first as it multiplies, the second transposed.
void stack_experts_of_nomic(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  const int64_t experts = model.experts();
  if (experts == 0) return;
  for (HostTensor& tensor : tensors) {
    const bool is_first = tensor.name.ends_with(".mlp.experts.mlp.w1");
    if (!is_first && !tensor.name.ends_with(".mlp.experts.mlp.w2")) continue;
    if (tensor.shape.size() != 2 || tensor.shape[0] % experts != 0)
      fail(ErrorCode::kBadConfig, "tensor {} has shape [{}], which does not hold {} experts",
           in_quotes(tensor.name), fmt::join(tensor.shape, ", "), experts);
    tensor.shape = {experts, tensor.shape[0] / experts, tensor.shape[1]};
    if (!is_first) tensor = transposed(tensor);
  }
}

// With a scaling factor longer texts are rotated by a base that depends on their length (dynamic NTK). Up to
// the length that the model was trained with it changes nothing; texts end there.
void limit_to_trained_positions(HfReader& in) {
  constexpr int kTrained = 2048;
  if (in.config().find_number("rotary_scaling_factor").value_or(0) == 0) return;
  ModelDescription& model = in.model();
  model.context = std::min(model.context, in.integer("max_trained_positions", kTrained));
}

void read_nomic(HfReader& in) {
  read_encoder(in, TextPositions::kRotated, 2);
  ModelDescription& model = in.model();
  if (!in.config().find("hidden_act")) model.activation = ActivationFunction::kSilu;
  if (const auto function = in.config().find_string("activation_function")) {
    model.gated = *function != "gelu";
    if (*function == "gelu" || *function == "geglu")
      model.activation = ActivationFunction::kGelu;
    else if (*function != "swiglu")
      fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'swiglu', 'geglu' and 'gelu'",
           in.config().place("activation_function"), in_quotes(*function));
  }
  for (const std::string_view key :
       {"prenorm", "use_rms_norm", "causal", "rotary_emb_interleaved", "parallel_block"})
    refuse_if(in, key, in.boolean(key, false));
  refuse_if(in, "rotary_emb_scale_base", in.config().find_number("rotary_emb_scale_base").value_or(0) != 0);
  limit_to_trained_positions(in);
  read_mixture_of_nomic(in);
  set_classifier(in, TextPooling::kFirst, TextLayer::Function::kTanh);
}

void read_nomic_gguf(GgufReader& in) {
  read_encoder(in, TextPositions::kRotated);
  in.model().activation = ActivationFunction::kSilu;
}

void read_nomic_moe_gguf(GgufReader& in) {
  read_encoder(in, TextPositions::kRotated);
  in.model().gated = false;
  in.experts(false);
}

constexpr HfName kNomicNames[] = {{"nomic_bert", "NomicBertModel"},
                                  {"nomic_bert", "NomicBertForSequenceClassification"},
                                  {"nomic_bert", "NomicBertForMaskedLM"}};
constexpr TensorNames kNomicTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings.word_embeddings", ""},
    {Role::kTypeEmbedding, ExpertCount::kNone, "embeddings.token_type_embeddings", ""},
    {Role::kEmbeddingNorm, ExpertCount::kNone, "emb_ln", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "encoder.layers.#.attn.Wqkv", "blk.#.attn_qkv"},
    {Role::kAttentionOut, ExpertCount::kNone, "encoder.layers.#.attn.out_proj", ""},
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "encoder.layers.#.norm1", "blk.#.attn_output_norm"},
    {Role::kUp, ExpertCount::kNone, "encoder.layers.#.mlp.fc11", ""},
    {Role::kUp, ExpertCount::kNone, "encoder.layers.#.mlp.fc1", ""},
    {Role::kGate, ExpertCount::kNone, "encoder.layers.#.mlp.fc12", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layers.#.mlp.fc2", ""},
    {Role::kRouter, ExpertCount::kNone, "encoder.layers.#.mlp.router.layer", ""},
    {Role::kExpertUp, ExpertCount::kAll, "encoder.layers.#.mlp.experts.mlp.w1!", ""},
    {Role::kExpertDown, ExpertCount::kAll, "encoder.layers.#.mlp.experts.mlp.w2!", ""},
    {Role::kMixtureBias, ExpertCount::kNone, "encoder.layers.#.mlp.experts.bias!", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layers.#.norm2", "blk.#.layer_output_norm"},
    {Role::kTextDense, ExpertCount::kNone, "pooler.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier", ""},
};

// ---- Jina embeddings v3 ----

void read_jina(HfReader& in) {
  read_encoder(in, TextPositions::kRotated, 1);
  in.model().gated = false;
  in.model().biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kUp, Role::kDown};
  set_classifier(in, TextPooling::kFirst, TextLayer::Function::kTanh);
}

void read_jina_gguf(GgufReader& in) {
  read_encoder(in, TextPositions::kRotated);
  in.model().gated = false;
}

constexpr HfName kJinaNames[] = {{"jina_embeddings_v3", "JinaEmbeddingsV3Model"},
                                 {"jina_embeddings_v3", "JinaEmbeddingsV3ForSequenceClassification"},
                                 {"jina_embeddings_v3", "JinaEmbeddingsV3ForMaskedLM"}};
constexpr TensorNames kJinaTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings.word_embeddings", ""},
    {Role::kTypeEmbedding, ExpertCount::kNone, "embeddings.token_type_embeddings", ""},
    {Role::kEmbeddingNorm, ExpertCount::kNone, "emb_ln", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "encoder.layers.#.mixer.Wqkv", "blk.#.attn_qkv"},
    {Role::kAttentionOut, ExpertCount::kNone, "encoder.layers.#.mixer.out_proj", ""},
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "encoder.layers.#.norm1", "blk.#.attn_output_norm"},
    {Role::kUp, ExpertCount::kNone, "encoder.layers.#.mlp.fc1", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layers.#.mlp.fc2", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layers.#.norm2", "blk.#.layer_output_norm"},
    {Role::kTextDense, ExpertCount::kNone, "classifier.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier.out_proj", ""},
};

// ---- GTE ----

// Its own code scales the rotation as NTK does, whatever the text's length: the base times the factor, and
// all frequencies by factor^(−2 / dimensions).
void respell_gte(Json& config) {
  const auto scaling = config.find("rope_scaling");
  if (scaling == config.end() || !scaling->is_object()) return;
  const auto type = scaling->find("type");
  const auto factor = scaling->find("factor");
  if (type == scaling->end() || *type != "ntk" || factor == scaling->end() || !factor->is_number()) return;
  const auto number = [&](const char* key, double fallback) {
    const auto it = config.find(key);
    return it != config.end() && it->is_number() ? it->get<double>() : fallback;
  };
  const double by = factor->get<double>();
  const double heads = number("num_attention_heads", 1);
  const double dim = heads > 0 ? number("hidden_size", 64) / heads : 64;
  config["rope_theta"] = number("rope_theta", 10000) * by;
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", std::pow(by, 2 / dim)}};
}

void read_gte(HfReader& in) {
  const int context = in.config().find_integer("max_position_embeddings").value_or(in.model().context);
  read_encoder(in, TextPositions::kRotated, 1);
  require(in, "position_embedding_type", "rope");
  require(in, "layer_norm_type", "layer_norm");
  refuse_if(in, "logn_attention_scale", in.boolean("logn_attention_scale", false));
  in.model().context = context;
  in.model().biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kDown};
  set_classifier(in, TextPooling::kFirst, TextLayer::Function::kTanh);
}

// The rows of up and gate, in two tensors.
void split_up_gate(std::vector<HostTensor>& tensors, const ModelDescription&) {
  split_halves(tensors, "up_gate_proj", "up_proj", "gate_proj");
}

constexpr HfName kGteNames[] = {
    {"gte", "GteModel"}, {"gte", "GteForSequenceClassification"}, {"gte", "GteForMaskedLM"},
    {"new", "NewModel"}, {"new", "NewForSequenceClassification"}, {"new", "NewForMaskedLM"}};
constexpr TensorNames kGteTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings.word_embeddings", ""},
    {Role::kTypeEmbedding, ExpertCount::kNone, "embeddings.token_type_embeddings", ""},
    {Role::kEmbeddingNorm, ExpertCount::kNone, "embeddings.LayerNorm", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "encoder.layer.#.attention.qkv_proj", ""},
    {Role::kQuery, ExpertCount::kNone, "encoder.layer.#.attention.q_proj", ""},
    {Role::kKey, ExpertCount::kNone, "encoder.layer.#.attention.k_proj", ""},
    {Role::kValue, ExpertCount::kNone, "encoder.layer.#.attention.v_proj", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "encoder.layer.#.attention.o_proj", ""},
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "encoder.layer.#.attn_ln", ""},
    {Role::kUp, ExpertCount::kNone, "encoder.layer.#.mlp.up_proj", ""},
    {Role::kGate, ExpertCount::kNone, "encoder.layer.#.mlp.gate_proj", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layer.#.mlp.down_proj", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layer.#.mlp_ln", ""},
    {Role::kTextDense, ExpertCount::kNone, "pooler.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier", ""},
};
constexpr std::string_view kIgnored[] = {"pooler.", "cls.", "lm_head."};

}  // namespace rotated_encoders

extern const Architecture kNomicBert = {
    .name = "nomic-bert",
    .hf = rotated_encoders::kNomicNames,
    .hf_defaults = {.context = 2048, .eps = 1e-12, .theta = rotated_encoders::kThetaOfNomic},
    .names = rotated_encoders::kNomicTensors,
    .read_hf = rotated_encoders::read_nomic,
    .read_gguf = rotated_encoders::read_nomic_gguf,
    .respell_hf = rotated_encoders::respell_nomic,
    .ignored = rotated_encoders::kIgnored};
// Folders are known by the same class as the others.
extern const Architecture kNomicBertMoe = {.name = "nomic-bert-moe",
                                           .hf_defaults = {.context = 2048, .eps = 1e-5},
                                           .names = rotated_encoders::kNomicTensors,
                                           .read_gguf = rotated_encoders::read_nomic_moe_gguf,
                                           .adapt_hf = rotated_encoders::stack_experts_of_nomic,
                                           .ignored = rotated_encoders::kIgnored};
extern const Architecture kJinaBertV3 = {.name = "jina-bert-v3",
                                         .hf = rotated_encoders::kJinaNames,
                                         .hf_defaults = {.context = 8194, .eps = 1e-5, .theta = 20000},
                                         .names = rotated_encoders::kJinaTensors,
                                         .read_hf = rotated_encoders::read_jina,
                                         .read_gguf = rotated_encoders::read_jina_gguf,
                                         .ignored = rotated_encoders::kIgnored};
extern const Architecture kGte = {.name = "gte",
                                  .hf = rotated_encoders::kGteNames,
                                  .gguf = "-",
                                  .hf_defaults = {.context = 8192, .eps = 1e-12, .theta = 160000},
                                  .names = rotated_encoders::kGteTensors,
                                  .read_hf = rotated_encoders::read_gte,
                                  .respell_hf = rotated_encoders::respell_gte,
                                  .adapt_hf = rotated_encoders::split_up_gate,
                                  .ignored = rotated_encoders::kIgnored};

}  // namespace ferrum
