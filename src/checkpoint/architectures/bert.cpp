// BERT and RoBERTa, with XLM-RoBERTa: encoders with learned positions, and layer norms of sums. RoBERTa
// counts positions from the padding token's id + 1, which GGUF files have cut off.
#include <array>

#include "checkpoint/architectures/encoder_switches.h"

namespace ferrum {
namespace bert {

using Role = TensorRole;

constexpr int kPaddingOfRoberta = 1;

void read_bert(HfReader& in) {
  read_encoder(in, TextPositions::kLearned, 2);
  require(in, "position_embedding_type", "absolute");
  in.model().biased = {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut, Role::kUp, Role::kDown};
  in.model().gated = false;
  set_classifier(in, TextPooling::kFirst, TextLayer::Function::kTanh);
}

void read_roberta(HfReader& in) {
  read_bert(in);
  ModelDescription& model = in.model();
  const int first = in.integer("pad_token_id", kPaddingOfRoberta) + 1;
  if (first < 0 || first >= model.context)
    in.config().at("pad_token_id").refuse("leaves no positions to the tokens of a text");
  model.encoder->first_position = first;
  model.context -= first;
}

void read_gguf(GgufReader& in) {
  read_encoder(in, TextPositions::kLearned);
  in.model().gated = false;
}

constexpr HfName kBertNames[] = {{"bert", "BertModel"},
                                 {"bert", "BertForSequenceClassification"},
                                 {"bert", "BertForMaskedLM"},
                                 {"bert", "BertForPreTraining"}};
constexpr HfName kRobertaNames[] = {{"xlm-roberta", "XLMRobertaModel"},
                                    {"xlm-roberta", "XLMRobertaForSequenceClassification"},
                                    {"xlm-roberta", "XLMRobertaForMaskedLM"},
                                    {"roberta", "RobertaModel"},
                                    {"roberta", "RobertaForSequenceClassification"},
                                    {"roberta", "RobertaForMaskedLM"},
                                    {"camembert", "CamembertModel"},
                                    {"camembert", "CamembertForSequenceClassification"},
                                    {"camembert", "CamembertForMaskedLM"}};

// Those of both, and of the head of a classifier.
template <size_t kMore>
constexpr std::array<TensorNames, 12 + kMore> with(const std::array<TensorNames, kMore>& more) {
  std::array<TensorNames, 12 + kMore> all = {{
      {Role::kEmbedding, ExpertCount::kNone, "embeddings.word_embeddings", ""},
      {Role::kPositionEmbedding, ExpertCount::kNone, "embeddings.position_embeddings", ""},
      {Role::kTypeEmbedding, ExpertCount::kNone, "embeddings.token_type_embeddings", ""},
      {Role::kEmbeddingNorm, ExpertCount::kNone, "embeddings.LayerNorm", ""},
      {Role::kQuery, ExpertCount::kNone, "encoder.layer.#.attention.self.query", ""},
      {Role::kKey, ExpertCount::kNone, "encoder.layer.#.attention.self.key", ""},
      {Role::kValue, ExpertCount::kNone, "encoder.layer.#.attention.self.value", ""},
      {Role::kAttentionOut, ExpertCount::kNone, "encoder.layer.#.attention.output.dense", ""},
      {Role::kAfterAttentionNorm, ExpertCount::kNone, "encoder.layer.#.attention.output.LayerNorm",
       "blk.#.attn_output_norm"},
      {Role::kUp, ExpertCount::kNone, "encoder.layer.#.intermediate.dense", ""},
      {Role::kDown, ExpertCount::kNone, "encoder.layer.#.output.dense", ""},
      {Role::kAfterFfnNorm, ExpertCount::kNone, "encoder.layer.#.output.LayerNorm",
       "blk.#.layer_output_norm"},
  }};
  for (size_t i = 0; i < kMore; ++i) all[12 + i] = more[i];
  return all;
}

constexpr auto kBertTensors = with(std::array<TensorNames, 2>{{
    {Role::kTextDense, ExpertCount::kNone, "pooler.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier", ""},
}});
constexpr auto kRobertaTensors = with(std::array<TensorNames, 2>{{
    {Role::kTextDense, ExpertCount::kNone, "classifier.dense", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier.out_proj", ""},
}});
// Heads that predict masked words, and the pooler, which embeddings pass by.
constexpr std::string_view kIgnored[] = {"pooler.", "cls.", "lm_head.", "embeddings.position_ids"};

}  // namespace bert

extern const Architecture kBert = {.name = "bert",
                                   .hf = bert::kBertNames,
                                   .hf_defaults = {.context = 512, .eps = 1e-12},
                                   .names = bert::kBertTensors,
                                   .read_hf = bert::read_bert,
                                   .read_gguf = bert::read_gguf,
                                   .ignored = bert::kIgnored};
extern const Architecture kRoberta = {.name = "roberta",
                                      .hf = bert::kRobertaNames,
                                      .gguf = "-",
                                      .hf_defaults = {.context = 512, .eps = 1e-12},
                                      .names = bert::kRobertaTensors,
                                      .read_hf = bert::read_roberta,
                                      .ignored = bert::kIgnored};

}  // namespace ferrum
