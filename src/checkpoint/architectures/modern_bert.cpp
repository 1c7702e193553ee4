// ModernBERT: an encoder with norms before its parts (none before the first attention), a gated feed-forward
// part, rotations, and windows on two of three layers that reach half their size to either side.
#include <algorithm>

#include "base/error.h"
#include "checkpoint/architectures/encoder_switches.h"

namespace ferrum {
namespace modern_bert {

using Role = TensorRole;

constexpr int kWindow = 128;
constexpr int kPeriod = 3;
constexpr double kGlobalTheta = 160000;
constexpr double kLocalTheta = 10000;

void set_switches(ModelDescription& model) {
  set_encoder(model, TextPositions::kRotated);
  model.encoder->norms_sums = false;
  model.encoder->first_norm = false;
  model.wiring.norm_before = true;
  model.wiring.norm_after = false;
  model.wiring.norm_bias = false;
  model.activation = ActivationFunction::kGelu;
}

void set_window(LayerDescription& layer, int window) {
  layer.attention.window = window;
  layer.attention.rope = LayerRope::kWindow;
}

TextLayer::Function head_function(const HfReader& in) {
  using Function = TextLayer::Function;
  const std::string name = in.config().string_or("classifier_activation", "gelu");
  if (name == "gelu") return Function::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Function::kGeluTanh;
  if (name == "silu" || name == "swish") return Function::kSilu;
  if (name == "tanh") return Function::kTanh;
  fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'gelu', 'gelu_pytorch_tanh', 'silu' and 'tanh'",
       in.config().place("classifier_activation"), in_quotes(name));
}

void read_thetas(HfReader& in) {
  ModelDescription& model = in.model();
  if (!in.has_ropes_by_kind()) {
    model.rope.theta = in.number("global_rope_theta", kGlobalTheta);
    model.window_rope.theta = in.number("local_rope_theta", kLocalTheta);
    return;
  }
  const auto sliding = in.rope_fields()->find("sliding_attention");
  if (!sliding || !sliding->find("rope_theta")) model.window_rope.theta = kLocalTheta;
}

void read_classifier(HfReader& in) {
  if (!in.classifies()) return;
  const std::string pooling = in.config().string_or("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean")
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs 'cls' and 'mean'",
         in.config().place("classifier_pooling"), in_quotes(pooling));
  set_classifier(in, pooling == "cls" ? TextPooling::kFirst : TextPooling::kMean, head_function(in));
  in.model().text_head.layers.front().norm = {Role::kTextNorm};
}

void read_hf(HfReader& in) {
  ModelDescription& model = in.model();
  const ActivationFunction function = model.activation;
  set_switches(model);
  if (in.config().find("hidden_activation") || in.config().find("hidden_act")) model.activation = function;
  model.wiring.norm_bias = in.boolean("norm_bias", false);
  in.biases("attention_bias", false, {Role::kQuery, Role::kKey, Role::kValue, Role::kAttentionOut});
  in.biases("mlp_bias", false, {Role::kGate, Role::kUp, Role::kDown});
  read_thetas(in);
  const int window = in.integer("local_attention", kWindow);
  const int period = in.integer("global_attn_every_n_layers", kPeriod);
  if (period < 1) in.config().at("global_attn_every_n_layers").refuse("must be 1 or more");
  if (window < 2) in.config().at("local_attention").refuse("must be 2 or more");
  std::vector<bool> sliding = in.kinds("layer_types", "full_attention", "sliding_attention");
  if (sliding.empty())
    for (int i = 0; i < in.depth(); ++i) sliding.push_back(i % period != 0);
  in.each_layer([&](int i, LayerDescription& layer) {
    if (sliding[static_cast<size_t>(i)]) set_window(layer, window);
  });
  read_classifier(in);
}

void read_gguf(GgufReader& in) {
  set_switches(in.model());
  in.activation("hidden_activation");
  in.model().text_head.pooling = {TextPooling::kMean};  // of classifiers whose file is silent
  const int window = in.integer("attention.sliding_window").value_or(0);
  // A flag for each layer, or every how many of them one sees everything.
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const bool is_list = in.has_list(kPattern);
  const auto flags = is_list ? in.flags(kPattern) : std::nullopt;
  const int period = is_list ? kPeriod : std::max(1, in.integer(kPattern).value_or(kPeriod));
  in.each_layer([&](int i, LayerDescription& layer) {
    const bool slides = flags ? (*flags)[static_cast<size_t>(i)] : i % period != 0;
    if (window > 0 && slides) set_window(layer, window);
  });
  if (!in.number("rope.freq_base_swa")) in.model().window_rope.theta = kLocalTheta;
}

constexpr HfName kNames[] = {{"modernbert", "ModernBertModel"},
                             {"modernbert", "ModernBertForSequenceClassification"},
                             {"modernbert", "ModernBertForMaskedLM"}};
constexpr TensorNames kTensors[] = {
    {Role::kEmbedding, ExpertCount::kNone, "embeddings.tok_embeddings", ""},
    {Role::kEmbeddingNorm, ExpertCount::kNone, "embeddings.norm", ""},
    {Role::kAttentionNorm, ExpertCount::kNone, "layers.#.attn_norm", ""},
    {Role::kQueryKeyValue, ExpertCount::kNone, "layers.#.attn.Wqkv", "blk.#.attn_qkv"},
    {Role::kAttentionOut, ExpertCount::kNone, "layers.#.attn.Wo", ""},
    {Role::kFfnNorm, ExpertCount::kNone, "layers.#.mlp_norm", ""},
    {Role::kGateUp, ExpertCount::kNone, "layers.#.mlp.Wi", "blk.#.ffn_up"},
    {Role::kUp, ExpertCount::kNone, "", "blk.#.ffn_up_alone"},  // "ffn_up" has both
    {Role::kDown, ExpertCount::kNone, "layers.#.mlp.Wo", ""},
    {Role::kFinalNorm, ExpertCount::kNone, "final_norm", ""},
    {Role::kTextDense, ExpertCount::kNone, "head.dense", ""},
    {Role::kTextNorm, ExpertCount::kNone, "head.norm", ""},
    {Role::kTextOut, ExpertCount::kNone, "classifier", ""},
};
constexpr std::string_view kIgnored[] = {"head.", "decoder."};

}  // namespace modern_bert

extern const Architecture kModernBert = {
    .name = "modern-bert",
    .hf = modern_bert::kNames,
    .hf_defaults = {.context = 8192, .eps = 1e-5, .theta = modern_bert::kGlobalTheta},
    .names = modern_bert::kTensors,
    .read_hf = modern_bert::read_hf,
    .read_gguf = modern_bert::read_gguf,
    .ignored = modern_bert::kIgnored};

}  // namespace ferrum
