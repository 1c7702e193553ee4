#include "models/loader.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/row_views.h"
#include "checkpoint/tensor_plan.h"
#include "models/kv_layers.h"
#include "models/rope.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// Of latent attention's norms, whatever the layers' is: that of their class in transformers.
constexpr float kLatentEps = 1e-6f;

class Loader {
 public:
  Loader(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
         const LoadProgress& progress)
      : backend_(&backend),
        checkpoint_(checkpoint),
        model_(checkpoint.model()),
        limits_(limits),
        progress_(progress) {}
  // Loads nothing, but adds to `listed` what would be packed.
  Loader(std::vector<WeightSource>& listed, const Checkpoint& checkpoint)
      : listed_(&listed), checkpoint_(checkpoint), model_(checkpoint.model()) {}

  DecoderWeights load() {
    DecoderWeights w;
    w.embedding = table({Role::kEmbedding}, model_.tied_head ? WeightUse::kMultiply : WeightUse::kLookUp);
    if (!model_.tied_head) w.head = matrix({Role::kHead});
    w.final_norm = norm({Role::kFinalNorm}, model_.wiring.eps);
    if (model_.per_layer_width > 0) {
      w.per_token_embedding = table({Role::kPerLayerEmbedding});
      w.per_token_projection = matrix({Role::kPerLayerProjection});
      w.per_token_norm = {.kind = Norm::Kind::kRms,
                          .weight = vector({Role::kPerLayerProjectionNorm}),
                          .eps = model_.wiring.eps};
    }
    load_rotations();
    for (int i = 0; i < model_.depth_with_mtp(); ++i) w.layers.push_back(layer(i));
    if (model_.mtp) w.mtp = mtp(model_.depth(), *model_.mtp);
    w.origins = std::move(origins_);
    finish(w.buffers);
    return w;
  }

  EncoderWeights load_encoder() {
    const EncoderDescription& e = *model_.encoder;
    EncoderWeights w;
    w.embedding = table({Role::kEmbedding});
    if (e.positions > 0) w.positions = table_from({Role::kPositionEmbedding}, e.first_position);
    if (e.types > 0) w.types = table({Role::kTypeEmbedding});
    if (e.embedding_norm) w.embedding_norm = norm({Role::kEmbeddingNorm}, model_.wiring.eps);
    if (model_.wiring.norm_before) w.final_norm = norm({Role::kFinalNorm}, model_.wiring.eps);
    load_rotations();
    for (int i = 0; i < model_.depth(); ++i) w.layers.push_back(encoder_layer(i));
    finish(w.buffers);
    return w;
  }

  TextHeadWeights load_text_head() {
    TextHeadWeights w;
    for (const TextLayer& layer : model_.text_head.layers) {
      TextHeadWeights::Layer loaded = {
          .weight = matrix(layer.weight), .function = layer.function, .norm = {}};
      if (layer.has_norm()) loaded.norm = norm(layer.norm, model_.wiring.eps);
      w.layers.push_back(std::move(loaded));
    }
    finish(w.buffers);
    return w;
  }

 private:
  // Rows of a tensor, in this order; none: all as they are.
  struct Part {
    TensorKey key;
    std::vector<int64_t> rows;
  };

  // The rows of a table of embeddings from `first` on.
  std::unique_ptr<Weight> table_from(const TensorKey& key, int first) {
    if (first == 0) return table(key);
    const HostTensor& all = required(key);
    std::vector<int64_t> kept;
    for (int64_t row = first; row < all.rows(); ++row) kept.push_back(row);
    return pack({.parts = {{selected_rows(all, kept)}}, .use = WeightUse::kLookUp}, {{key, kept}});
  }

  EncoderLayer encoder_layer(int i) {
    const LayerDescription& layer = model_.layers[static_cast<size_t>(i)];
    const LayerWiring& wiring = model_.wiring;
    const auto norm_if = [&](bool has, Role role) { return has ? norm({role, i}, wiring.eps) : Norm(); };
    Norm before = norm_if(wiring.norm_before && (i > 0 || model_.encoder->first_norm), Role::kAttentionNorm);
    return {before,
            norm_if(wiring.norm_after, Role::kAfterAttentionNorm),
            norm_if(wiring.norm_before, Role::kFfnNorm),
            norm_if(wiring.norm_after, Role::kAfterFfnNorm),
            Attention(attention(i, layer.attention)),
            FeedForward(feed_forward(i, layer.feed_forward))};
  }

  void load_rotations() {
    if (uses(LayerRope::kMain)) main_rope_ = rotation(model_.rope);
    if (uses(LayerRope::kWindow)) window_rope_ = rotation(model_.window_rope);
  }

  void finish(std::vector<std::unique_ptr<Buffer>>& buffers) {
    if (!checkpoint_.intact())
      fail(ErrorCode::kBadFile, "{}: the file was cut while it was read", model_.name);
    buffers = std::move(buffers_);
    buffers_.clear();
  }

  bool uses(LayerRope rope) const {
    return std::ranges::any_of(model_.layers,
                               [rope](const LayerDescription& l) { return l.attention.rope == rope; });
  }

  DecoderLayer layer(int i) {
    const LayerWiring& wiring = model_.wiring;
    const LayerDescription& description = model_.layer(i);
    const float after_eps = wiring.after_eps > 0 ? wiring.after_eps : wiring.eps;
    const auto norm_if = [&](bool has, Role role, float eps) { return has ? norm({role, i}, eps) : Norm(); };
    const bool mixes = description.mixes(), feeds = description.feeds_forward;
    DecoderLayer layer;
    layer.before_attention = norm_if(wiring.norm_before, Role::kAttentionNorm, wiring.eps);
    layer.after_attention = norm_if(wiring.norm_after && mixes, Role::kAfterAttentionNorm, after_eps);
    // A layer of one part has one norm before it.
    const bool has_own_norm = wiring.norm_before && !wiring.parallel && mixes && feeds;
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
    MtpWeights w = {.projection = matrix({Role::kMtpProjection, i}),
                    .embedding_norm = norm({Role::kMtpEmbeddingNorm, i}, eps),
                    .hidden_norm = norm({Role::kMtpHiddenNorm, i}, eps),
                    .final_norm = norm({Role::kMtpNorm, i}, eps)};
    if (head.own_embedding) w.embedding = table({Role::kMtpEmbedding, i});
    if (head.own_head) w.head = matrix({Role::kMtpHead, i});
    return w;
  }

  DecoderLayer::PerToken per_token(int i) {
    if (model_.per_layer_width == 0) return {};
    DecoderLayer::PerToken own = {
        .gate = matrix({Role::kPerLayerGate, i}),
        .out = matrix({Role::kPerLayerOut, i}),
        .norm = norm({Role::kPerLayerNorm, i}, model_.wiring.eps),
        .activation = activation(model_.layers[static_cast<size_t>(i)].feed_forward)};
    own.activation.gated = false;
    return own;
  }

  float layer_scale(int i) const {
    if (!model_.layer_scales || listed_ != nullptr) return 1;
    return decoded(required({Role::kLayerScale, i})).front();
  }

  std::vector<LayerMixer> mixers(int i, const LayerDescription& layer) {
    std::vector<LayerMixer> mixers;
    const auto add = [&](LayerMixer::Kind kind, const LayerMixer::Scales& scales = {}) {
      mixers.emplace_back(std::move(kind), scales);
    };
    if (layer.mixer == Mixer::kDelta)
      add(DeltaMixer(model_.delta.by_channel ? delta_by_channel(i) : delta(i)));
    if (layer.mixer == Mixer::kConvolution) add(ShortConvolution(short_convolution(i)));
    if (layer.mixer == Mixer::kStateSpace)
      add(StateSpaceMixer(state_space(i)), {model_.state_space.in_scale, model_.state_space.out_scale});
    const AttentionDescription& a = layer.attention;
    if (layer.attends() && a.latent > 0) add(LatentAttention(latent(i, a)));
    if (layer.attends() && a.latent == 0) add(Attention(attention(i, a)), {a.in_scale, a.out_scale});
    return mixers;
  }

  DeltaMixer::Parts delta(int i) {
    const DeltaDescription& d = model_.delta;
    std::vector<Part> in = {{{Role::kMixerIn, i}, {}}, {{Role::kMixerGate, i}, {}}};
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
    parts.in = stacked(in);
    parts.out = matrix({Role::kMixerOut, i});
    parts.convolution = {.weight = convolution(i, {Role::kConvolution}, d.kernel), .bias = {}, .silu = true};
    parts.rule = delta_rule(i);
    return parts;
  }

  DeltaMixer::Parts delta_by_channel(int i) {
    DeltaMixer::Parts parts;
    parts.in = stack(i, Role::kQueryKeyValue, {Role::kQuery, Role::kKey, Role::kValue});
    parts.out = matrix({Role::kAttentionOut, i});
    parts.beta = matrix({Role::kBeta, i});
    parts.down = stacked({{{Role::kMixerGateDown, i}, {}}, {{Role::kAlphaDown, i}, {}}});
    parts.gate = matrix({Role::kMixerGateUp, i});
    parts.rates = matrix({Role::kAlphaUp, i});
    parts.convolution = {
        .weight = convolution(i, {Role::kQueryConvolution, Role::kKeyConvolution, Role::kValueConvolution},
                              model_.delta.kernel),
        .bias = {},
        .silu = true};
    parts.rule = delta_rule(i);
    return parts;
  }

  DeltaRule delta_rule(int i) {
    const DeltaDescription& d = model_.delta;
    return {.key_heads = d.key_heads,
            .value_heads = d.value_heads,
            .key_dim = d.key_dim,
            .value_dim = d.value_dim,
            .tiled = d.tiled,
            .by_channel = d.by_channel,
            .sigmoid_gate = d.by_channel,
            .decay = decay(i, d.decay_is_log),
            .step_bias = vector({Role::kStepBias, i}),
            .norm = {.kind = Norm::Kind::kRms,
                     .weight = vector({Role::kMixerNorm, i}),
                     .bias = {},
                     .eps = model_.wiring.eps}};
  }

  ShortConvolution::Parts short_convolution(int i) {
    const ConvolutionDescription& c = model_.convolution;
    ShortConvolution::Parts parts;
    parts.in = matrix({Role::kMixerIn, i});
    parts.out = matrix({Role::kMixerOut, i});
    parts.convolution = {.weight = convolution(i, {Role::kConvolution}, c.kernel),
                         .bias = vector_if_there({Role::kConvolution, i, -1, true}),
                         .silu = false};
    return parts;
  }

  StateSpaceMixer::Parts state_space(int i) {
    const StateSpaceDescription& d = model_.state_space;
    StateSpaceMixer::Parts parts;
    parts.in = matrix({Role::kMixerIn, i});
    parts.out = matrix({Role::kMixerOut, i});
    parts.convolution = {.weight = convolution(i, {Role::kConvolution}, d.kernel),
                         .bias = vector_if_there({Role::kConvolution, i, -1, true}),
                         .silu = true};
    parts.space = {.heads = d.heads,
                   .head_dim = d.head_dim,
                   .groups = d.groups,
                   .state_dim = d.state_dim,
                   .step_min = d.step_min,
                   .step_max = d.step_max,
                   .decay = decay(i, d.decay_is_log),
                   .step_bias = vector({Role::kStepBias, i}),
                   .skip = vector({Role::kSkip, i}),
                   .norm = {},
                   .norm_first = d.norm_first};
    if (d.normed)
      parts.space.norm = {
          .kind = Norm::Kind::kRms, .weight = vector({Role::kMixerNorm, i}), .eps = model_.wiring.eps};
    parts.scales = d.scales;
    return parts;
  }

  // [kernel, channels] of the file's [channels, kernel], whose channels may be in several tensors.
  Tensor convolution(int i, std::initializer_list<Role> parts, int kernel) {
    if (listed_ != nullptr) return {};
    std::vector<float> stored;
    for (const Role part : parts) {
      const std::vector<float> more = decoded(required({part, i}));
      stored.insert(stored.end(), more.begin(), more.end());
    }
    const size_t channels = stored.size() / static_cast<size_t>(kernel);
    std::vector<float> values(stored.size());
    for (size_t c = 0; c < channels; ++c)
      for (size_t j = 0; j < static_cast<size_t>(kernel); ++j)
        values[j * channels + c] = stored[c * static_cast<size_t>(kernel) + j];
    return upload(values, kernel);
  }

  Tensor decay(int i, bool is_log) {
    if (listed_ != nullptr) return {};
    std::vector<float> values = decoded(required({Role::kDecay, i}));
    if (is_log)
      for (float& value : values) value = -std::exp(value);
    return upload(values, 1);
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
    parts.layer = {
        .heads = head_shape(a),
        .clip = a.clip,
        .q_norm = head_norm(a, {Role::kQueryNorm, i}),
        .k_norm = a.kv_layer < 0 ? head_norm(a, {Role::kKeyNorm, i}) : Norm(),
        .v_norm = {.kind = a.value_norm ? Norm::Kind::kRms : Norm::Kind::kNone,
                   .weight = {},
                   .bias = {},
                   .eps = model_.wiring.eps},
        .norm_last = a.norm_last,
        .temperature = {model_.temperature_beta, model_.temperature_length, model_.temperature_offset},
        .shares_kv = a.kv_layer >= 0,
        .scale = a.scale,
        .soft_cap = a.soft_cap,
        .window = a.window,
        .causal = model_.causal,
        .value_scale = a.value_scale};
    if (a.rope == LayerRope::kMain) parts.layer.rope = main_rope_;
    if (a.rope == LayerRope::kWindow) parts.layer.rope = window_rope_;
    parts.layer.first = first_seen(i);
    if (a.sinks) parts.layer.sinks = vector({Role::kSinks, i});
    parts.out = matrix({Role::kAttentionOut, i});
    if (a.gate_in_query) {
      const TensorKey both = {Role::kQueryAndGate, i};
      parts.qkv = stacked(
          {{both, half_rows(a.q_heads, a.head_dim, 0)}, {{Role::kKey, i}, {}}, {{Role::kValue, i}, {}}});
      parts.gate = stacked({{both, half_rows(a.q_heads, a.head_dim, 1)}});
    } else if (a.kv_layer >= 0) {
      parts.qkv = matrix({Role::kQuery, i});
    } else {
      const Role value = a.value_is_key ? Role::kKey : Role::kValue;
      parts.qkv = stack(i, Role::kQueryKeyValue, {Role::kQuery, Role::kKey, value});
      if (a.gate != OutputGate::kNone) parts.gate = matrix({Role::kOutputGate, i});
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
      parts.query_down = matrix({Role::kQueryDown, i});
      parts.query_norm = latent_norm({Role::kQueryDownNorm, i});
    }
    std::vector<int64_t> rows;  // of all heads the first part, then of all the second
    for (const auto& [begin, end] : {std::pair{0, plain}, std::pair{plain, a.head_dim}})
      for (int64_t head = 0; head < a.q_heads; ++head)
        for (int64_t row = begin; row < end; ++row) rows.push_back(head * a.head_dim + row);
    parts.query = stacked({{{a.query_latent > 0 ? Role::kQueryUp : Role::kQuery, i}, rows}});
    rows.clear();
    for (int64_t row = 0; row < a.rope_dim; ++row) rows.push_back(a.latent + row);
    for (int64_t row = 0; row < a.latent; ++row) rows.push_back(row);
    parts.latent = stacked({{{Role::kLatent, i}, rows}});
    parts.key_up = matrix_of_heads({Role::kKeyUp, i}, a.q_heads);
    parts.value_up = matrix_of_heads({Role::kValueUp, i}, a.q_heads);
    parts.out = matrix({Role::kAttentionOut, i});
    parts.layer = {
        .heads = head_shape(a),
        .v_norm = latent_norm({Role::kLatentNorm, i}),
        .rope = a.rope == LayerRope::kMain ? main_rope_ : Rope(),
        .temperature = {model_.temperature_beta, model_.temperature_length, model_.temperature_offset},
        .scale = a.scale,
        .first = first_seen(i)};
    return parts;
  }

  // An MTP head has no row at position 0.
  int first_seen(int layer) const { return layer == model_.depth() ? 1 : 0; }

  // These norms have an epsilon of their own.
  Norm latent_norm(const TensorKey& key) {
    return {.kind = Norm::Kind::kRms, .weight = vector(key), .bias = {}, .eps = kLatentEps};
  }

  std::unique_ptr<Weight> matrix_of_heads(const TensorKey& key, int heads) {
    return pack({.groups = heads, .parts = {{required(key)}}, .use = WeightUse::kHeads}, {{key, {}}});
  }

  Norm head_norm(const AttentionDescription& a, const TensorKey& key) {
    if (a.norm == HeadNorm::kNone) return {};
    if (a.norm == HeadNorm::kWeightless) return {.kind = Norm::Kind::kRms, .eps = model_.wiring.eps};
    return {.kind = Norm::Kind::kRms, .weight = vector(key), .eps = model_.wiring.eps};
  }

  FeedForward::Parts feed_forward(int i, const FeedForwardDescription& f) {
    FeedForward::Parts parts;
    parts.activation = activation(f);
    parts.out_scale = f.out_scale;
    if (f.experts == 0) {
      parts.up = upward(i, Role::kGateUp, Role::kGate, Role::kUp);
      parts.down = matrix({Role::kDown, i});
      return parts;
    }
    parts.router = matrix({Role::kRouter, i});
    parts.rule = routing_rule(i);
    parts.router_cap = model_.routing.logit_cap;
    parts.up = model_.gated
                   ? expert_stack(i, f.experts, Role::kExpertGateUp, {Role::kExpertGate, Role::kExpertUp})
                   : expert_stack(i, f.experts, Role::kExpertUp, {});
    parts.down = expert_stack(i, f.experts, Role::kExpertDown, {});
    if (f.latent_width > 0) {
      parts.latent_down = matrix({Role::kExpertsDown, i});
      parts.latent_up = matrix({Role::kExpertsUp, i});
    }
    if (f.beside_width > 0) {
      parts.shared_up = upward(i, Role::kGateUp, Role::kGate, Role::kUp);
      parts.shared_down = matrix({Role::kDown, i});
      parts.rule.expert_scales = vector({Role::kExpertScales, i});
      parts.router_norm = {
          .kind = Norm::Kind::kRms, .weight = router_scale(i), .bias = {}, .eps = model_.wiring.eps};
      parts.before_experts = norm({Role::kBeforeExpertsNorm, i}, model_.wiring.eps);
      parts.after_experts = norm({Role::kAfterExpertsNorm, i}, model_.wiring.eps);
      parts.after_shared = norm({Role::kAfterDenseNorm, i}, model_.wiring.eps);
    }
    if (f.shared_width == 0) return parts;
    parts.shared_up = upward(i, Role::kSharedGateUp, Role::kSharedGate, Role::kSharedUp);
    parts.shared_down = matrix({Role::kSharedDown, i});
    if (f.shared_gate) parts.shared_gate = matrix({Role::kSharedRouter, i});
    return parts;
  }

  // scale / √hidden: the factor of the router's input, normalised.
  Tensor router_scale(int i) {
    if (listed_ != nullptr) return {};
    std::vector<float> values = decoded(required({Role::kRouterScale, i}));
    for (float& value : values) value /= std::sqrt(static_cast<float>(model_.hidden));
    return upload(values, 1);
  }

  std::unique_ptr<Weight> upward(int i, Role both, Role gate, Role up) {
    return model_.gated ? stack(i, both, {gate, up}) : matrix({up, i});
  }

  Activation activation(const FeedForwardDescription& f) const {
    Activation a = {
        .gated = model_.gated, .limit = model_.activation_limit, .alpha = model_.activation_alpha};
    switch (model_.activation) {
      case ActivationFunction::kSilu:
        a.kind = Activation::Kind::kSilu;
        break;
      case ActivationFunction::kGelu:
        a.kind = Activation::Kind::kGelu;
        break;
      case ActivationFunction::kGeluTanh:
        a.kind = Activation::Kind::kGeluTanh;
        break;
      case ActivationFunction::kReluSquared:
        a.kind = Activation::Kind::kReluSquared;
        break;
      case ActivationFunction::kClampedSilu:
        a.kind = Activation::Kind::kClampedSilu;
        break;
      case ActivationFunction::kScaledSilu:
        a.kind = Activation::Kind::kScaledSilu;
        break;
      case ActivationFunction::kXielu:  // stored before softplus
        a.kind = Activation::Kind::kXielu;
        a.positive = softplus(f.xielu_positive);
        a.negative = f.xielu_beta + softplus(f.xielu_negative);
        a.beta = f.xielu_beta;
        a.limit = f.xielu_limit;
        break;
    }
    return a;
  }

  static float softplus(float x) { return std::log1p(std::exp(x)); }

  RoutingRule routing_rule(int i) {
    const RoutingDescription& r = model_.routing;
    RoutingRule rule = {.top_k = r.top_k,
                        .renormalize = r.renormalize,
                        .floor = r.floor,
                        .scale = r.scale,
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
    }
    if (r.selection_bias) rule.selection_bias = vector({Role::kSelectionBias, i});
    return rule;
  }

  std::unique_ptr<Weight> table(const TensorKey& key, WeightUse use = WeightUse::kLookUp) {
    return pack({.parts = {{required(key)}}, .use = use}, {{key, {}}});
  }

  std::unique_ptr<Weight> matrix(const TensorKey& key) { return stacked({{key, {}}}); }

  // The fused tensor if the checkpoint has one, else the parts stacked.
  std::unique_ptr<Weight> stack(int layer, Role fused, std::initializer_list<Role> parts) {
    if (checkpoint_.find({fused, layer})) return matrix({fused, layer});
    std::vector<Part> all;
    for (const Role role : parts) all.push_back({{role, layer}, {}});
    return stacked(all);
  }

  // The parts one below the other. Those without a bias get zeros where another part has one.
  std::unique_ptr<Weight> stacked(const std::vector<Part>& parts) {
    WeightSource source;
    std::vector<float> bias;
    bool any_bias = false;
    for (const Part& part : parts) {
      const HostTensor& whole = required(part.key);
      std::vector<float> own = bias_of(part.key, whole.rows());
      any_bias |= !own.empty();
      own.resize(static_cast<size_t>(whole.rows()));
      if (part.rows.empty()) {
        bias.insert(bias.end(), own.begin(), own.end());
        source.parts.push_back({whole});
      } else {
        for (const int64_t row : part.rows) bias.push_back(own[static_cast<size_t>(row)]);
        source.parts.push_back({selected_rows(whole, part.rows)});
      }
    }
    if (any_bias) source.bias = std::move(bias);
    return pack(source, parts);
  }

  // `fused` if the checkpoint has it, or the parts, gate over up. Biases lie expert by expert.
  std::unique_ptr<Weight> expert_stack(int layer, int experts, Role fused,
                                       std::initializer_list<Role> parts) {
    std::vector<Role> roles = parts;
    if (has_experts(layer, fused)) roles = {fused};
    WeightSource source = {.groups = experts};
    std::vector<Part> origin;
    std::vector<std::vector<float>> biases;
    for (const Role role : roles) {
      source.parts.push_back(experts_of(layer, experts, role));
      origin.push_back({{role, layer}, {}});
      biases.push_back(expert_bias(layer, experts, role));
    }
    source.bias = joined(biases, roles, layer, experts);
    return pack(source, origin);
  }

  // [experts × rows], or empty.
  std::vector<float> expert_bias(int layer, int experts, Role role) const {
    if (listed_ != nullptr) return {};
    if (const HostTensor* all = checkpoint_.find({role, layer, -1, true})) return decoded(*all);
    std::vector<float> bias;
    for (int e = 0; e < experts; ++e)
      if (const HostTensor* one = checkpoint_.find({role, layer, e, true})) {
        const std::vector<float> values = decoded(*one);
        bias.insert(bias.end(), values.begin(), values.end());
      }
    return bias;
  }

  // Parts without a bias get zeros where another part has one.
  std::vector<float> joined(const std::vector<std::vector<float>>& biases, const std::vector<Role>& roles,
                            int layer, int experts) const {
    if (std::ranges::all_of(biases, [](const auto& bias) { return bias.empty(); })) return {};
    std::vector<float> all;
    for (int e = 0; e < experts; ++e)
      for (size_t p = 0; p < roles.size(); ++p) {
        const size_t rows = rows_of_expert(layer, experts, roles[p]);
        if (biases[p].empty()) {
          all.resize(all.size() + rows);
        } else {
          check_equal(biases[p].size(), rows * static_cast<size_t>(experts), "biases of all experts");
          const auto first = biases[p].begin() + static_cast<std::ptrdiff_t>(rows) * e;
          all.insert(all.end(), first, first + static_cast<std::ptrdiff_t>(rows));
        }
      }
    return all;
  }

  size_t rows_of_expert(int layer, int experts, Role role) const {
    if (const HostTensor* all = checkpoint_.find({role, layer}))
      return static_cast<size_t>(all->rows() / experts);
    return static_cast<size_t>(required({role, layer, 0}).rows());
  }

  bool has_experts(int layer, Role role) const {
    return checkpoint_.find({role, layer}) || checkpoint_.find({role, layer, 0});
  }

  // All experts in one tensor, or a tensor for each.
  WeightSource::Part experts_of(int layer, int experts, Role role) const {
    if (const HostTensor* all = checkpoint_.find({role, layer})) return {*all};
    WeightSource::Part part;
    for (int e = 0; e < experts; ++e) part.push_back(required({role, layer, e}));
    return part;
  }

  std::vector<float> bias_of(TensorKey key, int64_t rows) const {
    if (listed_ != nullptr) return {};
    key.is_bias = true;
    const HostTensor* bias = checkpoint_.find(key);
    if (!bias) return {};
    check_equal(bias->elements(), rows, bias->name);
    return decoded(*bias);
  }

  // The checkpoint has checked that every tensor the description demands is there.
  const HostTensor& required(const TensorKey& key) const {
    const HostTensor* tensor = checkpoint_.find(key);
    check(tensor != nullptr, "a tensor of the plan is there");
    return *tensor;
  }

  Tensor vector(const TensorKey& key) {
    if (listed_ != nullptr) return {};
    std::vector<float> values = decoded(required(key));
    if (is_stored_minus_one(model_, key))
      for (float& value : values) value += 1;
    return upload(values, 1);
  }

  Tensor vector_if_there(const TensorKey& key) {
    return checkpoint_.find(key) != nullptr ? vector(key) : Tensor();
  }

  Norm norm(TensorKey key, float eps) {
    Norm n = {.kind = model_.wiring.layer_norm ? Norm::Kind::kLayer : Norm::Kind::kRms,
              .weight = vector(key),
              .eps = eps};
    key.is_bias = true;
    if (model_.wiring.norm_bias) n.bias = vector(key);
    return n;
  }

  Rope rotation(const RopeDescription& rope) {
    if (listed_ != nullptr) return {};
    const RopeFrequencies frequencies = rope_frequencies(rope, limits_.max_positions);
    return {upload(rope_table(frequencies, limits_.max_positions), limits_.max_positions),
            rope.interleaved ? RopePairing::kNeighbours : RopePairing::kHalves};
  }

  Tensor upload(const std::vector<float>& values, int rows) {
    buffers_.push_back(backend_->allocate(values.size() * sizeof(float)));
    const int cols = static_cast<int>(values.size()) / rows;
    const Tensor tensor = {buffers_.back()->data(), DType::kF32, rows, cols, cols};
    backend_->upload(tensor, std::as_bytes(std::span(values)));
    return tensor;
  }

  // `parts`: the tensors of the source, one below the other.
  std::unique_ptr<Weight> pack(const WeightSource& source, const std::vector<Part>& parts) {
    if (listed_ != nullptr) {
      listed_->push_back(source);
      return nullptr;
    }
    std::unique_ptr<Weight> weight = backend_->pack(source);
    for (const WeightSource::Part& part : source.parts)
      for (const HostTensor& tensor : part) {
        done_ += tensor.byte_size();
        if (source.use != WeightUse::kLookUp) checkpoint_.release(tensor);
      }
    if (progress_) progress_(done_, checkpoint_.bytes());
    if (limits_.adapters > 0) origins_.push_back(origin_of(*weight, source, parts));
    return weight;
  }

  static WeightOrigin origin_of(const Weight& weight, const WeightSource& source,
                                const std::vector<Part>& parts) {
    WeightOrigin origin = {.weight = &weight, .use = source.use, .parts = {}};
    for (size_t i = 0; i < parts.size(); ++i) {
      int64_t rows = 0;
      for (const HostTensor& tensor : source.parts[i]) rows += tensor.rows();
      origin.parts.push_back({parts[i].key, parts[i].rows, rows / source.groups});
    }
    return origin;
  }

  Backend* backend_ = nullptr;                   // either this
  std::vector<WeightSource>* listed_ = nullptr;  // or this
  const Checkpoint& checkpoint_;
  const ModelDescription& model_;
  DecoderLimits limits_;
  LoadProgress progress_;
  uint64_t done_ = 0;
  Rope main_rope_, window_rope_;
  std::vector<WeightOrigin> origins_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace

std::unique_ptr<Model> load_model(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
                                  const LoadProgress& progress) {
  if (checkpoint.model().encoder)
    return std::make_unique<Encoder>(backend, checkpoint.model(),
                                     Loader(backend, checkpoint, limits, progress).load_encoder(), limits);
  DecoderWeights weights = Loader(backend, checkpoint, limits, progress).load();
  return std::make_unique<Decoder>(backend, checkpoint.model(), std::move(weights), limits);
}

TextHeadWeights load_text_head(Backend& backend, const Checkpoint& checkpoint) {
  return Loader(backend, checkpoint, {}, {}).load_text_head();
}

std::vector<WeightSource> weights_of(const Checkpoint& checkpoint) {
  std::vector<WeightSource> weights;
  if (checkpoint.model().encoder)
    Loader(weights, checkpoint).load_encoder();
  else
    Loader(weights, checkpoint).load();
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
