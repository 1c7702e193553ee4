#include "checkpoint/writers/weight_factors.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/architecture.h"

namespace ferrum {
namespace {

using Role = TensorRole;

float usual_scale(const AttentionDescription& a) { return 1 / std::sqrt(static_cast<float>(a.head_dim)); }

// Of z, x, B, C and dt, one below the other.
std::vector<float> of_state_space(const StateSpaceDescription& s, float in_scale) {
  std::vector<float> factors;
  const int sizes[] = {s.width(), s.width(), s.group_width(), s.group_width(), s.heads};
  for (size_t i = 0; i < s.scales.size(); ++i)
    factors.insert(factors.end(), static_cast<size_t>(sizes[i]), s.scales[i] * in_scale);
  return factors;
}

// Of tensors whose rows have one factor.
float factor_of(const ModelDescription& m, const TensorKey& key) {
  if (key.role == Role::kEmbedding) return m.embedding_scale;
  if (key.role == Role::kHead) return m.logit_scale;
  if (key.layer < 0) return 1;
  const LayerDescription& layer = m.layer(key.layer);
  const AttentionDescription& a = layer.attention;
  const float in_scale = key.is_bias ? 1 : a.in_scale;  // a bias is added behind it
  switch (key.role) {
    case Role::kQuery:
    case Role::kValue:
      return in_scale;
    case Role::kKey:
      return in_scale * a.scale / usual_scale(a);
    case Role::kAttentionOut:
      return a.out_scale;
    case Role::kMixerOut:
      return m.state_space.out_scale;
    case Role::kGate:
      return m.activation == ActivationFunction::kScaledSilu ? m.activation_alpha : 1;
    case Role::kDown:
      return layer.feed_forward.out_scale;
    default:
      return 1;
  }
}

// Encoders whose files have another architecture's name than their folders, and positions from 0 on.
void set_form_of_encoder(ModelDescription& model) {
  const std::string_view name = model.architecture->name;
  if (name == "roberta") model.architecture = architecture_named("bert");
  if (name == "gemma3" && !model.causal) model.architecture = architecture_named("gemma-embedding");
  for (LayerDescription& layer : model.layers) layer.feed_forward.mixture_bias = false;
  if (!model.encoder || model.encoder->positions == 0) return;
  model.encoder->positions -= model.encoder->first_position;
  model.encoder->first_position = 0;
}

}  // namespace

ModelDescription gguf_form(ModelDescription model) {
  set_form_of_encoder(model);
  if (!model.architecture->gguf_has_factors_in_weights) return model;
  model.tied_head = model.tied_head && model.embedding_scale == model.logit_scale;
  model.embedding_scale = model.logit_scale = 1;
  if (model.activation == ActivationFunction::kScaledSilu) {
    model.activation = ActivationFunction::kSilu;
    model.activation_alpha = 0;
  }
  for (LayerDescription& layer : model.layers) {
    layer.attention.scale = usual_scale(layer.attention);
    layer.attention.in_scale = layer.attention.out_scale = layer.feed_forward.out_scale = 1;
  }
  StateSpaceDescription& s = model.state_space;
  s.in_scale = s.out_scale = 1;
  s.scales.fill(1);
  return model;
}

std::vector<float> row_factors(const ModelDescription& model, const TensorKey& key, int64_t rows) {
  if (!model.architecture->gguf_has_factors_in_weights) return {};
  const std::vector<float> factors =
      key.role == Role::kMixerIn
          ? of_state_space(model.state_space, key.is_bias ? 1 : model.state_space.in_scale)
          : std::vector<float>(static_cast<size_t>(rows), factor_of(model, key));
  return std::ranges::all_of(factors, [](float f) { return f == 1; }) ? std::vector<float>() : factors;
}

}  // namespace ferrum
