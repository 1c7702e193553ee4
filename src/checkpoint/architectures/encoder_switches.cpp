#include "checkpoint/architectures/encoder_switches.h"

#include <algorithm>

#include "base/error.h"

namespace ferrum {

using Role = TensorRole;

void set_encoder(ModelDescription& model, TextPositions positions) {
  model.causal = false;
  model.tied_head = true;
  model.encoder = EncoderDescription{.norms_sums = true};
  model.wiring.norm_before = false;
  model.wiring.norm_after = true;
  model.wiring.layer_norm = model.wiring.norm_bias = true;
  for (LayerDescription& layer : model.layers) {
    if (positions != TextPositions::kRotated) layer.attention.rope = LayerRope::kNone;
    layer.attention.alibi = positions == TextPositions::kDistances;
  }
}

void read_encoder(HfReader& in, TextPositions positions, int types_if_absent) {
  ModelDescription& model = in.model();
  set_encoder(model, positions);
  model.encoder->types = in.integer("type_vocab_size", types_if_absent);
  if (positions == TextPositions::kLearned) model.encoder->positions = model.context;
  if (!in.config().find("hidden_act")) model.activation = ActivationFunction::kGelu;
  in.refuse_true("is_decoder", "runs this model as an encoder");
}

void read_encoder(GgufReader& in, TextPositions positions) {
  ModelDescription& model = in.model();
  set_encoder(model, positions);
  model.encoder->types = static_cast<int>(in.tensor_rows({Role::kTypeEmbedding}));
  model.activation = ActivationFunction::kGelu;
  if (positions != TextPositions::kLearned) return;
  model.encoder->positions = static_cast<int>(in.tensor_rows({Role::kPositionEmbedding}));
  model.context = std::min(model.context, std::max(1, model.encoder->positions));
}

void set_classifier(HfReader& in, TextPooling pooling, TextLayer::Function function) {
  if (!in.classifies()) return;
  const int hidden = in.model().hidden;
  TextHeadDescription& head = in.model().text_head;
  head.pooling = {pooling};
  head.layers = {
      {.weight = {Role::kTextDense}, .norm = {}, .in = hidden, .out = hidden, .function = function},
      {.weight = {Role::kTextOut}, .norm = {}, .in = hidden, .out = in.labels()}};
}

void require(const HfReader& in, std::string_view key, const std::string& value) {
  const auto found = in.config().find_string(key);
  if (found && *found != value)
    fail(ErrorCode::kUnsupported, "{} is {}; Ferrum runs {}", in.config().place(key), in_quotes(*found),
         in_quotes(value));
}

}  // namespace ferrum
