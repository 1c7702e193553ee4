#include "models/loader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backend/device_report.h"
#include "base/error.h"
#include "models/activation.h"
#include "models/alibi.h"
#include "models/kv_layers.h"
#include "models/recurrent_loader.h"
#include "models/rope.h"
#include "models/tensor_loader.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// Of latent attention's norms, whatever the layers' is: that of their class in transformers.
constexpr float kLatentEps = 1e-6f;

class Loader {
 public:
  explicit Loader(TensorLoader tensors) : tensors_(std::move(tensors)), model_(tensors_.model()) {}

  DecoderWeights load() {
    DecoderWeights w;
    w.embedding =
        tensors_.table({Role::kEmbedding}, model_.tied_head ? WeightUse::kMultiply : WeightUse::kLookUp);
    if (!model_.tied_head) w.head = tensors_.matrix({Role::kHead});
    if (model_.positions > 0) w.positions = tensors_.table({Role::kPositionEmbedding});
    w.final_norm = tensors_.norm({Role::kFinalNorm}, model_.wiring.eps);
    if (model_.per_layer_width > 0) {
      w.per_token_embedding = tensors_.table({Role::kPerLayerEmbedding});
      w.per_token_projection = tensors_.matrix({Role::kPerLayerProjection});
      w.per_token_norm = {.kind = Norm::Kind::kRms,
                          .weight = tensors_.vector({Role::kPerLayerProjectionNorm}),
                          .eps = model_.wiring.eps};
    }
    load_rotations();
    for (int i = 0; i < model_.depth_with_mtp(); ++i) w.layers.push_back(layer(i));
    if (model_.mtp) w.mtp = mtp(model_.depth(), *model_.mtp);
    w.origins = tensors_.take_origins();
    w.buffers = tensors_.take_buffers();
    return w;
  }

  EncoderWeights load_encoder() {
    const EncoderDescription& e = *model_.encoder;
    EncoderWeights w;
    w.embedding = tensors_.table({Role::kEmbedding});
    if (e.positions > 0) w.positions = tensors_.table_from({Role::kPositionEmbedding}, e.first_position);
    if (e.types > 0) w.types = tensors_.table({Role::kTypeEmbedding});
    if (e.embedding_norm) w.embedding_norm = tensors_.norm({Role::kEmbeddingNorm}, model_.wiring.eps);
    if (model_.wiring.norm_before) w.final_norm = tensors_.norm({Role::kFinalNorm}, model_.wiring.eps);
    load_rotations();
    for (int i = 0; i < model_.depth(); ++i) w.layers.push_back(encoder_layer(i));
    w.buffers = tensors_.take_buffers();
    return w;
  }

  TextHeadWeights load_text_head() {
    TextHeadWeights w;
    for (const TextLayer& layer : model_.text_head.layers) {
      TextHeadWeights::Layer loaded = {
          .weight = tensors_.matrix(layer.weight), .function = layer.function, .norm = {}};
      if (layer.has_norm()) loaded.norm = tensors_.norm(layer.norm, model_.wiring.eps);
      w.layers.push_back(std::move(loaded));
    }
    w.buffers = tensors_.take_buffers();
    return w;
  }

 private:
  EncoderLayer encoder_layer(int i) {
    const LayerDescription& layer = model_.layers[static_cast<size_t>(i)];
    const LayerWiring& wiring = model_.wiring;
    const auto norm_if = [&](bool has, Role role) {
      return has ? tensors_.norm({role, i}, wiring.eps) : Norm();
    };
    Norm before = norm_if(wiring.norm_before && (i > 0 || model_.encoder->first_norm), Role::kAttentionNorm);
    return {before,
            norm_if(wiring.norm_after, Role::kAfterAttentionNorm),
            norm_if(model_.encoder->second_norm, Role::kSecondAttentionNorm),
            norm_if(wiring.norm_before, Role::kFfnNorm),
            norm_if(wiring.norm_after, Role::kAfterFfnNorm),
            Attention(attention(i, layer.attention)),
            FeedForward(feed_forward(i, layer.feed_forward))};
  }

  void load_rotations() {
    if (uses(LayerRope::kMain)) main_rope_ = tensors_.rotation(model_.rope);
    if (uses(LayerRope::kWindow)) window_rope_ = tensors_.rotation(model_.window_rope);
  }

  bool uses(LayerRope rope) const {
    return std::ranges::any_of(model_.layers,
                               [rope](const LayerDescription& l) { return l.attention.rope == rope; });
  }

  DecoderLayer layer(int i) {
    const LayerWiring& wiring = model_.wiring;
    const LayerDescription& description = model_.layer(i);
    const float after_eps = wiring.after_eps > 0 ? wiring.after_eps : wiring.eps;
    const auto norm_if = [&](bool has, Role role, float eps) {
      return has ? tensors_.norm({role, i}, eps) : Norm();
    };
    const bool mixes = description.mixes(), feeds = description.feeds_forward;
    DecoderLayer layer;
    layer.before_attention = norm_if(wiring.norm_before, Role::kAttentionNorm, wiring.eps);
    layer.after_attention = norm_if(wiring.norm_after && mixes, Role::kAfterAttentionNorm, after_eps);
    // A layer of one part has one norm before it.
    const bool shares_norm = wiring.parallel && !wiring.parallel_norms;
    const bool has_own_norm = wiring.norm_before && !shares_norm && mixes && feeds;
    layer.before_ffn = norm_if(has_own_norm, Role::kFfnNorm, wiring.eps);
    layer.after_ffn = norm_if(wiring.norm_after && feeds, Role::kAfterFfnNorm, after_eps);
    layer.mixers = mixers(i, description);
    if (feeds) layer.feed_forward.emplace(feed_forward(i, description.feed_forward));
    layer.per_token = per_token(i);
    layer.scale = layer_scale(i);
    return layer;
  }

  MtpWeights mtp(int i, const MtpHead& head) {
    const float eps = model_.wiring.eps;
    MtpWeights w = {.projection = tensors_.matrix({Role::kMtpProjection, i}),
                    .embedding_norm = tensors_.norm({Role::kMtpEmbeddingNorm, i}, eps),
                    .hidden_norm = tensors_.norm({Role::kMtpHiddenNorm, i}, eps),
                    .final_norm = tensors_.norm({Role::kMtpNorm, i}, eps)};
    if (head.own_embedding) w.embedding = tensors_.table({Role::kMtpEmbedding, i});
    if (head.own_head) w.head = tensors_.matrix({Role::kMtpHead, i});
    return w;
  }

  DecoderLayer::PerToken per_token(int i) {
    if (model_.per_layer_width == 0) return {};
    DecoderLayer::PerToken own = {
        .gate = tensors_.matrix({Role::kPerLayerGate, i}),
        .out = tensors_.matrix({Role::kPerLayerOut, i}),
        .norm = tensors_.norm({Role::kPerLayerNorm, i}, model_.wiring.eps),
        .activation = activation_of(model_, model_.layers[static_cast<size_t>(i)].feed_forward)};
    own.activation.gated = false;
    return own;
  }

  float layer_scale(int i) const {
    if (!model_.layer_scales || tensors_.only_lists()) return 1;
    return decoded(tensors_.required({Role::kLayerScale, i})).front();
  }

  std::vector<LayerMixer> mixers(int i, const LayerDescription& layer) {
    std::vector<LayerMixer> mixers;
    const auto add = [&](LayerMixer::Kind kind, const LayerMixer::Scales& scales = {}) {
      mixers.emplace_back(std::move(kind), scales);
    };
    if (layer.mixer == Mixer::kDelta)
      add(DeltaMixer(model_.delta.by_channel ? recurrent_.delta_by_channel(i) : recurrent_.delta(i)));
    if (layer.mixer == Mixer::kConvolution) add(ShortConvolution(recurrent_.short_convolution(i)));
    if (layer.mixer == Mixer::kStateSpace)
      add(StateSpaceMixer(recurrent_.state_space(i)),
          {model_.state_space.in_scale, model_.state_space.out_scale});
    const AttentionDescription& a = layer.attention;
    if (layer.attends() && a.latent > 0) add(LatentAttention(latent(i, a)));
    if (layer.attends() && a.latent == 0) add(Attention(attention(i, a)), {a.in_scale, a.out_scale});
    return mixers;
  }

  // Head by head `dim` rows of q and as many of the gate: those of one of them.
  static std::vector<int64_t> half_rows(int heads, int dim, int which) {
    std::vector<int64_t> rows;
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < dim; ++row) rows.push_back((2 * head + which) * dim + row);
    return rows;
  }

  Attention::Parts attention(int i, const AttentionDescription& a) {
    Attention::Parts parts;
    parts.layer = {.heads = head_shape(a),
                   .clip = a.clip,
                   .q_norm = head_norm(a, {Role::kQueryNorm, i}),
                   .k_norm = a.kv_layer < 0 ? head_norm(a, {Role::kKeyNorm, i}) : Norm(),
                   .v_norm = {.kind = a.value_norm ? Norm::Kind::kRms : Norm::Kind::kNone,
                              .weight = {},
                              .bias = {},
                              .eps = model_.wiring.eps},
                   .norm_last = a.norm_last,
                   .temperature = temperature(a),
                   .shares_kv = a.kv_layer >= 0,
                   .scale = a.scale,
                   .soft_cap = a.soft_cap,
                   .window = a.window,
                   .chunked = a.chunked,
                   .causal = model_.causal,
                   .value_scale = a.value_scale};
    if (a.rope == LayerRope::kMain) parts.layer.rope = main_rope_;
    if (a.rope == LayerRope::kWindow) parts.layer.rope = window_rope_;
    parts.layer.first = first_seen(i);
    if (a.sinks) parts.layer.sinks = tensors_.vector({Role::kSinks, i});
    if (a.alibi) parts.layer.slopes = tensors_.upload(alibi_slopes(a.q_heads), 1);
    parts.out = tensors_.matrix({Role::kAttentionOut, i});
    if (a.gate_in_query) {
      const TensorKey both = {Role::kQueryAndGate, i};
      parts.qkv = tensors_.stacked(
          {{both, half_rows(a.q_heads, a.head_dim, 0)}, {{Role::kKey, i}, {}}, {{Role::kValue, i}, {}}});
      parts.gate = tensors_.stacked({{both, half_rows(a.q_heads, a.head_dim, 1)}});
    } else if (a.kv_layer >= 0) {
      parts.qkv = tensors_.matrix({Role::kQuery, i});
    } else {
      const Role value = a.value_is_key ? Role::kKey : Role::kValue;
      parts.qkv = tensors_.stack(i, Role::kQueryKeyValue, {Role::kQuery, Role::kKey, value});
      if (a.gate != OutputGate::kNone) parts.gate = tensors_.matrix({Role::kOutputGate, i});
    }
    if (a.gate != OutputGate::kNone) {
      parts.gate_kind = a.gate == OutputGate::kSigmoid ? GateKind::kSigmoid : GateKind::kSoftplus;
    }
    return parts;
  }

  LatentAttention::Parts latent(int i, const AttentionDescription& a) {
    const int plain = a.plain_dim();
    LatentAttention::Parts parts;
    if (a.query_latent > 0) {
      parts.query_down = tensors_.matrix({Role::kQueryDown, i});
      parts.query_norm = latent_norm({Role::kQueryDownNorm, i});
    }
    std::vector<int64_t> rows;  // of all heads the first part, then of all the second
    for (const auto& [begin, end] : {std::pair{0, plain}, std::pair{plain, a.head_dim}})
      for (int64_t head = 0; head < a.q_heads; ++head)
        for (int64_t row = begin; row < end; ++row) rows.push_back(head * a.head_dim + row);
    parts.query = tensors_.stacked({{{a.query_latent > 0 ? Role::kQueryUp : Role::kQuery, i}, rows}});
    rows.clear();
    for (int64_t row = 0; row < a.rope_dim; ++row) rows.push_back(a.latent + row);
    for (int64_t row = 0; row < a.latent; ++row) rows.push_back(row);
    parts.latent = tensors_.stacked({{{Role::kLatent, i}, rows}});
    parts.key_up = tensors_.matrix_of_heads({Role::kKeyUp, i}, a.q_heads);
    parts.value_up = tensors_.matrix_of_heads({Role::kValueUp, i}, a.q_heads);
    parts.out = tensors_.matrix({Role::kAttentionOut, i});
    parts.layer = {.heads = head_shape(a),
                   .v_norm = latent_norm({Role::kLatentNorm, i}),
                   .rope = a.rope == LayerRope::kMain ? main_rope_ : Rope(),
                   .temperature = temperature(a),
                   .scale = a.scale,
                   .first = first_seen(i)};
    return parts;
  }

  AttentionLayer::Temperature temperature(const AttentionDescription& a) const {
    if (!a.tempered) return {};
    return {model_.temperature_beta, model_.temperature_length, model_.temperature_offset};
  }

  // An MTP head has no row at position 0.
  int first_seen(int layer) const { return layer == model_.depth() ? 1 : 0; }

  // These norms have an epsilon of their own.
  Norm latent_norm(const TensorKey& key) {
    return {.kind = Norm::Kind::kRms, .weight = tensors_.vector(key), .bias = {}, .eps = kLatentEps};
  }

  Norm head_norm(const AttentionDescription& a, const TensorKey& key) {
    if (a.norm == HeadNorm::kNone) return {};
    if (a.norm == HeadNorm::kWeightless) return {.kind = Norm::Kind::kRms, .eps = model_.wiring.eps};
    if (a.layer_norm)
      return {.kind = Norm::Kind::kLayer,
              .weight = tensors_.vector(key),
              .bias = tensors_.vector({key.role, key.layer, -1, true}),
              .eps = model_.wiring.eps};
    return {.kind = Norm::Kind::kRms, .weight = tensors_.vector(key), .eps = model_.wiring.eps};
  }

  FeedForward::Parts feed_forward(int i, const FeedForwardDescription& f) {
    FeedForward::Parts parts;
    parts.activation = limited(activation_of(model_, f), f.limit);
    parts.shared_activation = limited(activation_of(model_, f), f.shared_limit);
    parts.out_scale = f.out_scale;
    if (f.experts == 0) {
      parts.up = upward(i, Role::kGateUp, Role::kGate, Role::kUp);
      parts.down = tensors_.matrix({Role::kDown, i});
      return parts;
    }
    parts.router = tensors_.matrix({Role::kRouter, i});
    parts.rule = routing_rule(i);
    parts.router_cap = model_.routing.logit_cap;
    if (model_.routing.weighs_input) parts.whole = tensors_.upload({1.0F}, 1);
    parts.up = model_.gated ? tensors_.expert_stack(i, f.experts, Role::kExpertGateUp,
                                                    {Role::kExpertGate, Role::kExpertUp})
                            : tensors_.expert_stack(i, f.experts, Role::kExpertUp, {});
    parts.down = tensors_.expert_stack(i, f.experts, Role::kExpertDown, {});
    if (f.mixture_bias) parts.mixture_bias = tensors_.vector({Role::kMixtureBias, i});
    if (f.latent_width > 0) {
      parts.latent_down = tensors_.matrix({Role::kExpertsDown, i});
      parts.latent_up = tensors_.matrix({Role::kExpertsUp, i});
    }
    if (f.beside_width > 0) {
      parts.shared_up = upward(i, Role::kGateUp, Role::kGate, Role::kUp);
      parts.shared_down = tensors_.matrix({Role::kDown, i});
      parts.rule.expert_scales = tensors_.vector({Role::kExpertScales, i});
      parts.router_norm = {
          .kind = Norm::Kind::kRms, .weight = router_scale(i), .bias = {}, .eps = model_.wiring.eps};
      parts.before_experts = tensors_.norm({Role::kBeforeExpertsNorm, i}, model_.wiring.eps);
      parts.after_experts = tensors_.norm({Role::kAfterExpertsNorm, i}, model_.wiring.eps);
      parts.after_shared = tensors_.norm({Role::kAfterDenseNorm, i}, model_.wiring.eps);
    }
    if (f.shared_width == 0) return parts;
    parts.shared_up = upward(i, Role::kSharedGateUp, Role::kSharedGate, Role::kSharedUp);
    parts.shared_down = tensors_.matrix({Role::kSharedDown, i});
    if (f.shared_gate) parts.shared_gate = tensors_.matrix({Role::kSharedRouter, i});
    return parts;
  }

  // scale / √hidden: the factor of the router's input, normalised.
  Tensor router_scale(int i) {
    if (tensors_.only_lists()) return {};
    std::vector<float> values = decoded(tensors_.required({Role::kRouterScale, i}));
    for (float& value : values) value /= std::sqrt(static_cast<float>(model_.hidden));
    return tensors_.upload(values, 1);
  }

  std::unique_ptr<Weight> upward(int i, Role both, Role gate, Role up) {
    return model_.gated ? tensors_.stack(i, both, {gate, up}) : tensors_.matrix({up, i});
  }

  RoutingRule routing_rule(int i) {
    const RoutingDescription& r = model_.routing;
    RoutingRule rule = {.top_k = r.top_k,
                        .renormalize = r.renormalize,
                        .floor = r.floor,
                        .scale = r.scale,
                        .jitter = r.jitter,
                        .groups = r.groups,
                        .groups_used = r.groups_used,
                        .group_by_largest = r.group_by_largest};
    switch (r.score) {
      case RoutingDescription::Score::kSoftmax:
        rule.score = RoutingRule::Score::kSoftmax;
        break;
      case RoutingDescription::Score::kSigmoid:
        rule.score = RoutingRule::Score::kSigmoid;
        break;
      case RoutingDescription::Score::kSoftmaxOfChosen:
        rule.score = RoutingRule::Score::kSoftmaxOfChosen;
        break;
      case RoutingDescription::Score::kOneByOne:
        rule.score = RoutingRule::Score::kOneByOne;
        break;
    }
    if (r.selection_bias) rule.selection_bias = tensors_.vector({Role::kSelectionBias, i});
    return rule;
  }

  TensorLoader tensors_;
  const ModelDescription& model_;
  RecurrentLoader recurrent_{tensors_};
  Rope main_rope_, window_rope_;
};

}  // namespace

namespace {

// Before weights are read, which takes long. Error kUnsupported naming the layer.
void require_layers(const Backend& backend, const ModelDescription& model, DType kv) {
  const auto* const device = dynamic_cast<const DeviceReport*>(&backend);
  if (device == nullptr) return;
  for (int i = 0; i < model.depth_with_mtp(); ++i) {
    const LayerDescription& layer = model.layer(i);
    LayerSizes sizes;
    if (layer.attends()) sizes.heads = head_shape(layer.attention), sizes.kv = kv;
    if (layer.mixer == Mixer::kConvolution) sizes.convolution = model.convolution.kernel;
    if (layer.mixer == Mixer::kDelta)
      sizes.convolution = model.delta.kernel, sizes.state_rows = model.delta.key_dim;
    if (layer.mixer == Mixer::kStateSpace)
      sizes.convolution = model.state_space.kernel, sizes.state_rows = model.state_space.state_dim;
    if (const std::string why = device->refusal_of(sizes); !why.empty())
      fail(ErrorCode::kUnsupported, "{}: layer {}: {}", model.name, i, why);
  }
}

// A learned position that there is no row for cannot be made up.
void require_positions(const ModelDescription& model, int positions) {
  if (model.positions > 0 && positions > model.positions)
    fail(ErrorCode::kUnsupported,
         "{}: a context of {} tokens is wanted, but the model has learned {} positions", model.name,
         positions, model.positions);
}

}  // namespace

std::unique_ptr<Model> load_model(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
                                  const LoadProgress& progress) {
  require_layers(backend, checkpoint.model(), limits.kv.dtype);
  require_positions(checkpoint.model(), limits.max_positions);
  if (checkpoint.model().encoder)
    return std::make_unique<Encoder>(backend, checkpoint.model(),
                                     Loader({backend, checkpoint, limits, progress}).load_encoder(), limits);
  DecoderWeights weights = Loader({backend, checkpoint, limits, progress}).load();
  return std::make_unique<Decoder>(backend, checkpoint.model(), std::move(weights), limits);
}

TextHeadWeights load_text_head(Backend& backend, const Checkpoint& checkpoint) {
  return Loader({backend, checkpoint, {}, {}}).load_text_head();
}

std::vector<WeightSource> weights_of(const Checkpoint& checkpoint) {
  std::vector<WeightSource> weights;
  if (checkpoint.model().encoder)
    Loader({weights, checkpoint}).load_encoder();
  else
    Loader({weights, checkpoint}).load();
  return weights;
}

uint64_t rotation_bytes(const ModelDescription& model, int positions) {
  uint64_t width = 0;
  for (const LayerRope rope : {LayerRope::kMain, LayerRope::kWindow})
    if (std::ranges::any_of(model.layers,
                            [&](const LayerDescription& l) { return l.attention.rope == rope; }))
      width += static_cast<uint64_t>((rope == LayerRope::kMain ? model.rope : model.window_rope).rotary_dim);
  return width * static_cast<uint64_t>(positions) * sizeof(float);
}

}  // namespace ferrum
