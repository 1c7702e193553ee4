#include "checkpoint/tensor_plan.h"

#include <utility>

namespace ferrum {
namespace {

using Role = TensorRole;
using Use = TensorUse;

constexpr Role kNotFused = Role::kEmbedding;

class Planner {
 public:
  explicit Planner(const ModelDescription& model) : m_(model) {}

  std::vector<PlannedTensor> run() {
    add({Role::kEmbedding}, Use::kLookUp, {m_.vocab, m_.hidden});
    if (m_.encoder) embeddings(*m_.encoder);
    if (m_.positions > 0) add({Role::kPositionEmbedding}, Use::kLookUp, {m_.positions, m_.hidden});
    if (m_.per_layer_width > 0) {
      const int64_t all = int64_t{m_.depth()} * m_.per_layer_width;
      add({Role::kPerLayerEmbedding}, Use::kLookUp, {m_.per_layer_vocab, all});
      matrix({Role::kPerLayerProjection}, all, m_.hidden);
      add({Role::kPerLayerProjectionNorm}, Use::kVector, {m_.per_layer_width});
    }
    for (int i = 0; i < m_.depth(); ++i) layer(i, m_.layers[static_cast<size_t>(i)]);
    if (m_.mtp) mtp(m_.depth(), *m_.mtp);
    if (!m_.encoder || m_.wiring.norm_before) norm({Role::kFinalNorm});
    for (const TextLayer& layer : m_.text_head.layers) {
      matrix(layer.weight, layer.out, layer.in);
      if (layer.has_norm()) norm(layer.norm);
    }
    if (!m_.tied_head) matrix({Role::kHead}, m_.vocab, m_.hidden);
    return std::move(out_);
  }

 private:
  void embeddings(const EncoderDescription& e) {
    if (e.positions > 0) add({Role::kPositionEmbedding}, Use::kLookUp, {e.positions, m_.hidden});
    if (e.types > 0) add({Role::kTypeEmbedding}, Use::kLookUp, {e.types, m_.hidden});
    if (e.embedding_norm) norm({Role::kEmbeddingNorm});
  }

  void mtp(int i, const MtpHead& head) {
    matrix({Role::kMtpProjection, i}, m_.hidden, 2 * int64_t{m_.hidden});
    for (const Role role : {Role::kMtpEmbeddingNorm, Role::kMtpHiddenNorm, Role::kMtpNorm}) norm({role, i});
    // Where they are not its own they may be there as copies of the model's.
    add({Role::kMtpEmbedding, i}, Use::kLookUp, {m_.vocab, m_.hidden}, !head.own_embedding);
    add({Role::kMtpHead, i}, Use::kProduct, {m_.vocab, m_.hidden}, !head.own_head);
    layer(i, head.layer);
  }

  void layer(int i, const LayerDescription& layer) {
    const bool has_first = i > 0 || !m_.encoder || m_.encoder->first_norm;
    if (m_.wiring.norm_before && has_first) norm({Role::kAttentionNorm, i});
    if (layer.mixes()) {
      if (layer.mixer == Mixer::kDelta) delta(i);
      if (layer.mixer == Mixer::kConvolution) convolution(i);
      if (layer.mixer == Mixer::kStateSpace) state_space(i);
      if (layer.attends())
        layer.attention.latent > 0 ? latent(i, layer.attention) : attention(i, layer.attention);
      if (m_.wiring.norm_after) norm({Role::kAfterAttentionNorm, i});
      if (m_.encoder && m_.encoder->second_norm) norm({Role::kSecondAttentionNorm, i});
    }
    if (layer.feeds_forward) {
      // A layer of one part has one norm before it.
      const bool shares_norm = m_.wiring.parallel && !m_.wiring.parallel_norms;
      if (m_.wiring.norm_before && !shares_norm && layer.mixes()) norm({Role::kFfnNorm, i});
      layer.feed_forward.experts > 0 ? experts(i, layer.feed_forward) : dense(i, layer.feed_forward.width);
      if (m_.wiring.norm_after) norm({Role::kAfterFfnNorm, i});
    }
    if (m_.per_layer_width > 0) {
      matrix({Role::kPerLayerGate, i}, m_.per_layer_width, m_.hidden);
      matrix({Role::kPerLayerOut, i}, m_.hidden, m_.per_layer_width);
      norm({Role::kPerLayerNorm, i});
    }
    if (m_.layer_scales) add({Role::kLayerScale, i}, Use::kVector, {1});
  }

  void attention(int i, const AttentionDescription& a) {
    if (a.gate_in_query)
      matrix({Role::kQueryAndGate, i}, 2 * a.q_width(), m_.hidden);
    else
      matrix({Role::kQuery, i}, a.q_width(), m_.hidden, Role::kQueryKeyValue);
    if (a.kv_layer < 0) {
      matrix({Role::kKey, i}, a.k_width(), m_.hidden, Role::kQueryKeyValue);
      if (!a.value_is_key) matrix({Role::kValue, i}, a.v_width(), m_.hidden, Role::kQueryKeyValue);
    }
    if (a.norm == HeadNorm::kHead) {
      add({Role::kQueryNorm, i}, Use::kVector, {a.head_dim});
      if (a.kv_layer < 0) add({Role::kKeyNorm, i}, Use::kVector, {a.head_dim});
    } else if (a.norm == HeadNorm::kWidth) {
      for (const bool is_bias : {false, true}) {
        if (is_bias && !a.layer_norm) continue;
        add({Role::kQueryNorm, i, -1, is_bias}, Use::kVector, {a.q_width()});
        add({Role::kKeyNorm, i, -1, is_bias}, Use::kVector, {a.k_width()});
      }
    }
    if (a.sinks) add({Role::kSinks, i}, Use::kVector, {a.q_heads});
    if (a.gate != OutputGate::kNone && !a.gate_in_query)
      matrix({Role::kOutputGate, i}, a.gate_per_head ? a.q_heads : a.out_width(), m_.hidden);
    matrix({Role::kAttentionOut, i}, m_.hidden, a.out_width());
  }

  void latent(int i, const AttentionDescription& a) {
    if (a.query_latent > 0) {
      matrix({Role::kQueryDown, i}, a.query_latent, m_.hidden);
      add({Role::kQueryDownNorm, i}, Use::kVector, {a.query_latent});
      matrix({Role::kQueryUp, i}, a.q_width(), a.query_latent);
    } else {
      matrix({Role::kQuery, i}, a.q_width(), m_.hidden);
    }
    matrix({Role::kLatent, i}, a.latent + a.rope_dim, m_.hidden);
    add({Role::kLatentNorm, i}, Use::kVector, {a.latent});
    add({Role::kKeyUp, i}, Use::kProduct, {a.q_heads, a.latent, a.plain_dim()});
    add({Role::kValueUp, i}, Use::kProduct, {a.q_heads, a.value_dim, a.latent});
    matrix({Role::kAttentionOut, i}, m_.hidden, a.out_width());
  }

  void delta(int i) {
    const DeltaDescription& d = m_.delta;
    if (d.by_channel) return delta_by_channel(i);
    matrix({Role::kMixerIn, i}, d.channels(), m_.hidden);
    matrix({Role::kMixerGate, i}, d.value_width(), m_.hidden);
    if (d.joint_rates) {
      matrix({Role::kRates, i}, 2 * d.value_heads, m_.hidden);
    } else {
      matrix({Role::kBeta, i}, d.value_heads, m_.hidden);
      matrix({Role::kAlpha, i}, d.value_heads, m_.hidden);
    }
    add({Role::kConvolution, i}, Use::kVector, {d.channels(), d.kernel});
    add({Role::kDecay, i}, Use::kVector, {d.value_heads});
    add({Role::kStepBias, i}, Use::kVector, {d.value_heads});
    add({Role::kMixerNorm, i}, Use::kVector, {d.value_dim});
    matrix({Role::kMixerOut, i}, m_.hidden, d.value_width());
  }

  void delta_by_channel(int i) {
    const DeltaDescription& d = m_.delta;
    const int widths[] = {d.key_width(), d.key_width(), d.value_width()};
    const Role products[] = {Role::kQuery, Role::kKey, Role::kValue};
    const Role convolutions[] = {Role::kQueryConvolution, Role::kKeyConvolution, Role::kValueConvolution};
    for (int part = 0; part < 3; ++part) {
      matrix({products[part], i}, widths[part], m_.hidden);
      add({convolutions[part], i}, Use::kVector, {widths[part], d.kernel});
    }
    matrix({Role::kMixerGateDown, i}, d.rank, m_.hidden);
    matrix({Role::kMixerGateUp, i}, d.value_width(), d.rank);
    matrix({Role::kAlphaDown, i}, d.rank, m_.hidden);
    matrix({Role::kAlphaUp, i}, d.rates(), d.rank);
    matrix({Role::kBeta, i}, d.value_heads, m_.hidden);
    add({Role::kDecay, i}, Use::kVector, {d.value_heads});
    add({Role::kStepBias, i}, Use::kVector, {d.rates()});
    add({Role::kMixerNorm, i}, Use::kVector, {d.value_dim});
    matrix({Role::kAttentionOut, i}, m_.hidden, d.value_width());
  }

  void convolution(int i) {
    const ConvolutionDescription& c = m_.convolution;
    matrix({Role::kMixerIn, i}, 3 * int64_t{c.width}, m_.hidden);
    add({Role::kConvolution, i}, Use::kVector, {c.width, c.kernel});
    bias({Role::kConvolution, i}, {c.width}, kNotFused);
    matrix({Role::kMixerOut, i}, m_.hidden, c.width);
  }

  void state_space(int i) {
    const StateSpaceDescription& d = m_.state_space;
    matrix({Role::kMixerIn, i}, d.in_width(), m_.hidden);
    add({Role::kConvolution, i}, Use::kVector, {d.channels(), d.kernel});
    bias({Role::kConvolution, i}, {d.channels()}, kNotFused);
    add({Role::kDecay, i}, Use::kVector, {d.heads, 1});
    add({Role::kSkip, i}, Use::kVector, {d.heads, 1});
    add({Role::kStepBias, i}, Use::kVector, {d.heads});
    if (d.normed) add({Role::kMixerNorm, i}, Use::kVector, {d.groups, d.width() / d.groups});
    matrix({Role::kMixerOut, i}, m_.hidden, d.width());
  }

  void dense(int i, int width) {
    if (m_.gated) matrix({Role::kGate, i}, width, m_.hidden, Role::kGateUp);
    matrix({Role::kUp, i}, width, m_.hidden, m_.gated ? Role::kGateUp : kNotFused);
    matrix({Role::kDown, i}, m_.hidden, width);
    if (m_.activation == ActivationFunction::kXielu)
      for (const Role role :
           {Role::kXieluPositive, Role::kXieluNegative, Role::kXieluBeta, Role::kXieluLimit})
        add({role, i}, Use::kScalars, {1}, true);
  }

  void experts(int i, const FeedForwardDescription& f) {
    matrix({Role::kRouter, i}, f.experts, m_.hidden);
    if (m_.routing.selection_bias) add({Role::kSelectionBias, i}, Use::kVector, {f.experts});
    const int state = f.latent_width > 0 ? f.latent_width : m_.hidden;
    if (f.latent_width > 0) {
      matrix({Role::kExpertsDown, i}, f.latent_width, m_.hidden);
      matrix({Role::kExpertsUp, i}, m_.hidden, f.latent_width);
    }
    if (m_.gated) stack({Role::kExpertGate, i}, f.experts, f.width, state, Role::kExpertGateUp);
    stack({Role::kExpertUp, i}, f.experts, f.width, state, m_.gated ? Role::kExpertGateUp : kNotFused);
    stack({Role::kExpertDown, i}, f.experts, state, f.width, kNotFused);
    if (f.mixture_bias) add({Role::kMixtureBias, i}, Use::kVector, {m_.hidden});
    if (f.beside_width > 0) {
      dense(i, f.beside_width);
      add({Role::kRouterScale, i}, Use::kVector, {m_.hidden});
      add({Role::kExpertScales, i}, Use::kVector, {f.experts});
      for (const Role role : {Role::kBeforeExpertsNorm, Role::kAfterExpertsNorm, Role::kAfterDenseNorm})
        norm({role, i});
    }
    if (f.shared_width == 0) return;
    if (f.shared_gate) matrix({Role::kSharedRouter, i}, 1, m_.hidden);
    if (m_.gated) matrix({Role::kSharedGate, i}, f.shared_width, m_.hidden, Role::kSharedGateUp);
    matrix({Role::kSharedUp, i}, f.shared_width, m_.hidden, m_.gated ? Role::kSharedGateUp : kNotFused);
    matrix({Role::kSharedDown, i}, m_.hidden, f.shared_width);
  }

  void norm(TensorKey key) {
    if (m_.wiring.norm_weight) add(key, Use::kVector, {m_.hidden});
    if (!m_.wiring.norm_bias) return;
    key.is_bias = true;
    add(key, Use::kVector, {m_.hidden});
  }

  void matrix(const TensorKey& key, int64_t rows, int64_t cols, Role fused = kNotFused) {
    add(key, Use::kProduct, {rows, cols}, false, fused);
    bias(key, {rows}, fused);
  }

  void stack(const TensorKey& key, int64_t experts, int64_t rows, int64_t cols, Role fused) {
    add(key, Use::kExpert, {experts, rows, cols}, false, fused);
    bias(key, {experts, rows}, fused);
  }

  // A bias that the description does not demand is taken where the file has one.
  void bias(TensorKey key, std::vector<int64_t> shape, Role fused) {
    const bool may_be_absent = !m_.has_bias(key.role);
    key.is_bias = true;
    add(key, Use::kVector, std::move(shape), may_be_absent, fused);
  }

  void add(const TensorKey& key, Use use, std::vector<int64_t> shape, bool may_be_absent = false,
           Role fused = kNotFused) {
    out_.push_back({key, use, std::move(shape), may_be_absent, fused});
  }

  const ModelDescription& m_;
  std::vector<PlannedTensor> out_;
};

}  // namespace

int64_t PlannedTensor::elements() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

std::vector<PlannedTensor> tensors_of(const ModelDescription& model) { return Planner(model).run(); }

bool is_stored_minus_one(const ModelDescription& model, const TensorKey& key) {
  if (!model.wiring.norm_plus_one || key.is_bias || key.role == Role::kMixerNorm) return false;
  return key.role == Role::kFinalNorm ? model.final_norm_plus_one : is_norm(key.role);
}

}  // namespace ferrum
