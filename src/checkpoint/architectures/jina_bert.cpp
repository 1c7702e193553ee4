// Jina embeddings 2 and rerankers 1 (arXiv 2310.19923): BERT whose scores fall with the distance in place of
// learned positions, and whose feed-forward layers are gated by GELU. Their classes are the models' own code
// (JinaBertModel, with BERT's model_type), in two forms: jina-bert-implementation, and
// jina-bert-v2-qk-post-norm (embeddings of code), which also has layer norms of q and k and a second norm
// behind the attention. Which of the two a folder has, its tensors tell.
#include "base/error.h"
#include "checkpoint/architectures/encoder_switches.h"
#include "checkpoint/row_views.h"

namespace ferrum {
namespace jina_bert {

using Role = TensorRole;

void set_post_norms(ModelDescription& model) {
  model.encoder->second_norm = true;
  for (LayerDescription& layer : model.layers) {
    layer.attention.norm = HeadNorm::kWidth;
    layer.attention.layer_norm = true;
  }
}

void read_hf(HfReader& in) {
  read_encoder(in, TextPositions::kDistances, 2);
  require(in, "position_embedding_type", "alibi");
  ModelDescription& model = in.model();
  const auto kind = in.config().find_string("feed_forward_type");
  if (kind && *kind != "geglu" && *kind != "original")
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'geglu' and 'original'",
         in.config().place("feed_forward_type"), in_quotes(*kind));
  if (kind != "original") model.activation = ActivationFunction::kGelu;
  model.biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kDown};
  set_classifier(in, TextPooling::kFirst, TextLayer::Function::kTanh);
}

void settle_hf(ModelDescription& model, const TensorTable& tensors) {
  model.gated = tensors.find({Role::kGateUp, 0}) || tensors.find({Role::kGate, 0});
  if (tensors.find({Role::kQueryNorm, 0})) set_post_norms(model);
  // Rerankers are published with the class that embeds.
  const HostTensor* out = tensors.find({Role::kTextOut});
  TextHeadDescription& head = model.text_head;
  if (!out || head.classifies) return;
  head.classifies = true;
  head.normalizes = false;
  head.pooling = {TextPooling::kFirst};
  head.layers = {
      {.weight = {Role::kTextDense},
       .norm = {},
       .in = model.hidden,
       .out = model.hidden,
       .function = TextLayer::Function::kTanh},
      {.weight = {Role::kTextOut}, .norm = {}, .in = model.hidden, .out = static_cast<int>(out->rows())}};
}

// The second form has the rows that are gated in front of the gate's, the first behind them.
void split_hf(std::vector<HostTensor>& tensors, const ModelDescription&) {
  split_halves(tensors, "mlp.up_gated_layer", "mlp.up_layer", "mlp.gate_layer");
}

// Files have gate and up in one tensor, or in two as older converters wrote them; without a gate, up alone.
bool has_both_in_one(int64_t rows_of_up, const ModelDescription& model) {
  return rows_of_up == 2 * int64_t{model.layers.front().feed_forward.width};
}

void read_gguf(GgufReader& in) {
  read_encoder(in, TextPositions::kDistances);
  ModelDescription& model = in.model();
  if (in.has_tensor({Role::kQueryNorm, 0})) set_post_norms(model);
  model.gated = in.has_tensor({Role::kGate, 0}) || has_both_in_one(in.tensor_rows({Role::kUp, 0}), model);
}

void split_gguf(std::vector<HostTensor>& tensors, const ModelDescription& model) {
  for (const HostTensor& tensor : tensors)
    if (tensor.name == "blk.0.ffn_up.weight" && !has_both_in_one(tensor.rows(), model)) return;
  const bool gate_is_first = !model.encoder->second_norm;
  split_halves(tensors, ".ffn_up.", gate_is_first ? ".ffn_gate." : ".ffn_up.",
               gate_is_first ? ".ffn_up." : ".ffn_gate.");
}

constexpr HfName kHfNames[] = {{"bert", "JinaBertModel"},
                               {"bert", "JinaBertForSequenceClassification"},
                               {"bert", "JinaBertForMaskedLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings.word_embeddings", ""},
    {Role::kTypeEmbedding, ExpertCount::kNone, "embeddings.token_type_embeddings", ""},
    {Role::kEmbeddingNorm, ExpertCount::kNone, "embeddings.LayerNorm", ""},
    {Role::kQuery, ExpertCount::kNone, "encoder.layer.#.attention.self.query", ""},
    {Role::kKey, ExpertCount::kNone, "encoder.layer.#.attention.self.key", ""},
    {Role::kValue, ExpertCount::kNone, "encoder.layer.#.attention.self.value", ""},
    {Role::kQueryNorm, ExpertCount::kNone, "encoder.layer.#.attention.self.layer_norm_q", ""},
    {Role::kKeyNorm, ExpertCount::kNone, "encoder.layer.#.attention.self.layer_norm_k", ""},
    {Role::kAttentionOut, ExpertCount::kNone, "encoder.layer.#.attention.output.dense", ""},
    {Role::kAfterAttentionNorm, ExpertCount::kNone, "encoder.layer.#.attention.output.LayerNorm",
     "blk.#.attn_output_norm"},
    {Role::kSecondAttentionNorm, ExpertCount::kNone, "encoder.layer.#.layer_norm_1", ""},
    {Role::kGateUp, ExpertCount::kNone, "encoder.layer.#.mlp.gated_layers", ""},
    {Role::kGate, ExpertCount::kNone, "encoder.layer.#.mlp.gate_layer", ""},
    {Role::kUp, ExpertCount::kNone, "encoder.layer.#.mlp.up_layer", ""},
    {Role::kUp, ExpertCount::kNone, "encoder.layer.#.intermediate.dense", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layer.#.mlp.wo", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layer.#.mlp.down_layer", ""},
    {Role::kDown, ExpertCount::kNone, "encoder.layer.#.output.dense", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layer.#.mlp.layernorm", "blk.#.layer_output_norm"},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layer.#.layer_norm_2", ""},
    {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layer.#.output.LayerNorm", ""},
    {Role::kTextDense, ExpertCount::kNone, "pooler.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier", ""},
};
constexpr std::string_view kIgnored[] = {"pooler.", "cls.", "embeddings.position_ids"};

}  // namespace jina_bert

extern const Architecture kJinaBertV2 = {.name = "jina-bert-v2",
                                         .hf = jina_bert::kHfNames,
                                         .hf_defaults = {.context = 512, .eps = 1e-12},
                                         .names = jina_bert::kTensors,
                                         .read_hf = jina_bert::read_hf,
                                         .read_gguf = jina_bert::read_gguf,
                                         .adapt_hf = jina_bert::split_hf,
                                         .adapt_gguf = jina_bert::split_gguf,
                                         .settle_hf = jina_bert::settle_hf,
                                         .ignored = jina_bert::kIgnored};

}  // namespace ferrum
