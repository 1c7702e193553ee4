#include "models/recurrent_loader.h"

#include <cmath>
#include <utility>

namespace ferrum {

using Role = TensorRole;

DeltaMixer::Parts RecurrentLoader::delta(int i) {
  const DeltaDescription& d = model_.delta;
  std::vector<TensorLoader::Part> in = {{{Role::kMixerIn, i}, {}}, {{Role::kMixerGate, i}, {}}};
  if (d.joint_rates) {
    const int64_t sharing = d.value_heads / d.key_heads;
    for (const int64_t which : {0, 1}) {
      std::vector<int64_t> rows;
      for (int64_t head = 0; head < d.value_heads; ++head)
        rows.push_back(head / sharing * 2 * sharing + which * sharing + head % sharing);
      in.push_back({{Role::kRates, i}, std::move(rows)});
    }
  } else {
    in.push_back({{Role::kBeta, i}, {}});
    in.push_back({{Role::kAlpha, i}, {}});
  }
  DeltaMixer::Parts parts;
  parts.in = tensors_.stacked(in);
  parts.out = tensors_.matrix({Role::kMixerOut, i});
  parts.convolution = {.weight = convolution(i, {Role::kConvolution}, d.kernel), .bias = {}, .silu = true};
  parts.rule = delta_rule(i);
  return parts;
}

DeltaMixer::Parts RecurrentLoader::delta_by_channel(int i) {
  DeltaMixer::Parts parts;
  parts.in = tensors_.stack(i, Role::kQueryKeyValue, {Role::kQuery, Role::kKey, Role::kValue});
  parts.out = tensors_.matrix({Role::kAttentionOut, i});
  parts.beta = tensors_.matrix({Role::kBeta, i});
  parts.down = tensors_.stacked({{{Role::kMixerGateDown, i}, {}}, {{Role::kAlphaDown, i}, {}}});
  parts.gate = tensors_.matrix({Role::kMixerGateUp, i});
  parts.rates = tensors_.matrix({Role::kAlphaUp, i});
  parts.convolution = {
      .weight = convolution(i, {Role::kQueryConvolution, Role::kKeyConvolution, Role::kValueConvolution},
                            model_.delta.kernel),
      .bias = {},
      .silu = true};
  parts.rule = delta_rule(i);
  return parts;
}

DeltaRule RecurrentLoader::delta_rule(int i) {
  const DeltaDescription& d = model_.delta;
  return {.key_heads = d.key_heads,
          .value_heads = d.value_heads,
          .key_dim = d.key_dim,
          .value_dim = d.value_dim,
          .tiled = d.tiled,
          .by_channel = d.by_channel,
          .sigmoid_gate = d.by_channel,
          .decay = decay(i, d.decay_is_log),
          .step_bias = tensors_.vector({Role::kStepBias, i}),
          .norm = {.kind = Norm::Kind::kRms,
                   .weight = tensors_.vector({Role::kMixerNorm, i}),
                   .bias = {},
                   .eps = model_.wiring.eps}};
}

ShortConvolution::Parts RecurrentLoader::short_convolution(int i) {
  const ConvolutionDescription& c = model_.convolution;
  ShortConvolution::Parts parts;
  parts.in = tensors_.matrix({Role::kMixerIn, i});
  parts.out = tensors_.matrix({Role::kMixerOut, i});
  parts.convolution = {.weight = convolution(i, {Role::kConvolution}, c.kernel),
                       .bias = tensors_.vector_if_there({Role::kConvolution, i, -1, true}),
                       .silu = false};
  return parts;
}

StateSpaceMixer::Parts RecurrentLoader::state_space(int i) {
  const StateSpaceDescription& d = model_.state_space;
  StateSpaceMixer::Parts parts;
  parts.in = tensors_.matrix({Role::kMixerIn, i});
  parts.out = tensors_.matrix({Role::kMixerOut, i});
  parts.convolution = {.weight = convolution(i, {Role::kConvolution}, d.kernel),
                       .bias = tensors_.vector_if_there({Role::kConvolution, i, -1, true}),
                       .silu = true};
  parts.space = {.heads = d.heads,
                 .head_dim = d.head_dim,
                 .groups = d.groups,
                 .state_dim = d.state_dim,
                 .step_min = d.step_min,
                 .step_max = d.step_max,
                 .decay = decay(i, d.decay_is_log),
                 .step_bias = tensors_.vector({Role::kStepBias, i}),
                 .skip = tensors_.vector({Role::kSkip, i}),
                 .norm = {},
                 .norm_first = d.norm_first};
  if (d.normed)
    parts.space.norm = {
        .kind = Norm::Kind::kRms, .weight = tensors_.vector({Role::kMixerNorm, i}), .eps = model_.wiring.eps};
  parts.scales = d.scales;
  return parts;
}

Tensor RecurrentLoader::convolution(int i, std::initializer_list<Role> parts, int kernel) {
  if (tensors_.only_lists()) return {};
  std::vector<float> stored;
  for (const Role part : parts) {
    const std::vector<float> more = decoded(tensors_.required({part, i}));
    stored.insert(stored.end(), more.begin(), more.end());
  }
  const size_t channels = stored.size() / static_cast<size_t>(kernel);
  std::vector<float> values(stored.size());
  for (size_t c = 0; c < channels; ++c)
    for (size_t j = 0; j < static_cast<size_t>(kernel); ++j)
      values[j * channels + c] = stored[c * static_cast<size_t>(kernel) + j];
  return tensors_.upload(values, kernel);
}

Tensor RecurrentLoader::decay(int i, bool is_log) {
  if (tensors_.only_lists()) return {};
  std::vector<float> values = decoded(tensors_.required({Role::kDecay, i}));
  if (is_log)
    for (float& value : values) value = -std::exp(value);
  return tensors_.upload(values, 1);
}

}  // namespace ferrum
