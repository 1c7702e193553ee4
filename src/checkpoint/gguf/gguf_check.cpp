#include "checkpoint/gguf/gguf_check.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_layout.h"
#include "checkpoint/gguf/gguf_model.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// The description that a reader of the file would make. Of the tensors it needs names and shapes, and the
// numbers of the rotation's factors.
ModelDescription read_back(const ModelDescription& model, const std::string& source) {
  GgufHeader header;
  set_model_metadata(header, model, FileType::kF32, source);
  const std::vector<std::byte> bytes = header.serialised();
  const auto file = GgufFile::parse(bytes, source);

  const RopeScaling& scaling = model.rope.scaling;
  std::vector<float> divisors;
  std::vector<HostTensor> tensors;
  for (const GgufLayoutTensor& t : gguf_tensors(model)) {
    std::span<const float> values;
    if (t.key.role == Role::kRopeFrequencies) values = divisors = rope_divisors(model.rope);
    if (t.key.role == Role::kRopeFactorsLong) values = scaling.long_factors;
    if (t.key.role == Role::kRopeFactorsShort) values = scaling.short_factors;
    tensors.push_back(
        {.name = t.name, .format = Format::kF32, .shape = t.shape, .bytes = std::as_bytes(values)});
  }
  return describe_gguf(file->metadata(), TensorTable(Naming::kGguf, std::move(tensors), source,
                                                     model.architecture->tensor_names()));
}

class Comparison {
 public:
  Comparison(const ModelDescription& said, const ModelDescription& read, const std::string& source)
      : said_(said), read_(read), source_(source) {}

  void run() const {
    wiring(said_.wiring, read_.wiring);
    same("the scale of embeddings", said_.embedding_scale, read_.embedding_scale);
    same("the scale of logits", said_.logit_scale, read_.logit_scale);
    same("the cap of logits", said_.logit_cap, read_.logit_cap);
    same("the activation function", said_.activation, read_.activation);
    same("the limit of the activation", said_.activation_limit, read_.activation_limit);
    same("the alpha of the activation", said_.activation_alpha, read_.activation_alpha);
    same("the temperature of attention", said_.temperature_beta, read_.temperature_beta);
    same("the temperature of attention", said_.temperature_length, read_.temperature_length);
    same("the width of what each layer adds", said_.per_layer_width, read_.per_layer_width);
    same("the table of positions", said_.positions, read_.positions);
    same("the tied head", said_.tied_head, read_.tied_head);
    if (said_.experts() > 0) routing(said_.routing, read_.routing);
    delta(said_.delta, read_.delta);
    same("the width of the short convolution", said_.convolution.width, read_.convolution.width);
    same("the kernel of the short convolution", said_.convolution.kernel, read_.convolution.kernel);
    state_space(said_.state_space, read_.state_space);
    for (size_t i = 0; i < said_.layers.size(); ++i) layer(i);
    same("what tokens see", said_.causal, read_.causal);
    same("the gate of feed-forward parts", said_.gated, read_.gated);
    same("the layers of an encoder", said_.encoder.has_value(), read_.encoder.has_value());
    if (said_.encoder) encoder(*said_.encoder, *read_.encoder);
    text_head(said_.text_head, read_.text_head);
  }

 private:
  void encoder(const EncoderDescription& a, const EncoderDescription& b) const {
    same("the table of positions", a.positions, b.positions);
    same("the table of token types", a.types, b.types);
    same("the norm of embeddings", a.embedding_norm, b.embedding_norm);
    same("the order of norms and sums", a.norms_sums, b.norms_sums);
    same("the norm before the first attention", a.first_norm, b.first_norm);
    same("the second norm of the attention", a.second_norm, b.second_norm);
  }

  void text_head(const TextHeadDescription& a, const TextHeadDescription& b) const {
    same("the pooling of tokens", a.pooling, b.pooling);
    same("the pooling without the prompt", a.pools_prompt, b.pools_prompt);
    same("the classifier", a.classifies, b.classifies);
    same("the number of layers behind the pooling", a.layers.size(), b.layers.size());
    for (size_t i = 0; i < a.layers.size(); ++i) {
      const TextLayer& x = a.layers[i];
      const TextLayer& y = b.layers[i];
      same("the size of a layer behind the pooling", std::pair(x.in, x.out), std::pair(y.in, y.out));
      same("the function of a layer behind the pooling", x.function, y.function);
      same("the norm of a layer behind the pooling", x.has_norm(), y.has_norm());
    }
  }

  void wiring(const LayerWiring& a, const LayerWiring& b) const {
    same("the epsilon of norms", a.eps, b.eps);
    same("the epsilon of the norms after a part", a.after_eps, b.after_eps);
    same("the scale of the residual", a.residual_scale, b.residual_scale);
  }

  void routing(const RoutingDescription& a, const RoutingDescription& b) const {
    same("the scores of experts", a.score, b.score);
    same("the renormalization of experts' weights", a.renormalize, b.renormalize);
    same("the least sum of experts' weights", a.floor, b.floor);
    same("the scale of experts' weights", a.scale, b.scale);
    same("the cap of the router's logits", a.logit_cap, b.logit_cap);
    same("the limit of experts chosen one by one (router_jitter_noise)", a.jitter, b.jitter);
    same("the bias that selects experts", a.selection_bias, b.selection_bias);
    same("the place of experts' weights", a.weighs_input, b.weighs_input);
    same("the groups of experts", a.groups, b.groups);
    same("the groups of experts", a.groups_used, b.groups_used);
    if (a.groups > 1) same("the choice of groups of experts", a.group_by_largest, b.group_by_largest);
  }

  void delta(const DeltaDescription& a, const DeltaDescription& b) const {
    same("the key heads of recurrent layers", a.key_heads, b.key_heads);
    same("the value heads of recurrent layers", a.value_heads, b.value_heads);
    same("the size of recurrent layers' keys", a.key_dim, b.key_dim);
    same("the size of recurrent layers' values", a.value_dim, b.value_dim);
    same("the kernel of recurrent layers", a.kernel, b.kernel);
    same("the rank of recurrent layers' gates", a.rank, b.rank);
  }

  void state_space(const StateSpaceDescription& a, const StateSpaceDescription& b) const {
    same("the heads of recurrent layers", a.heads, b.heads);
    same("the size of recurrent layers' heads", a.head_dim, b.head_dim);
    same("the groups of recurrent layers", a.groups, b.groups);
    same("the size of recurrent layers' states", a.state_dim, b.state_dim);
    same("the kernel of recurrent layers", a.kernel, b.kernel);
    same("the least time step (time_step_min, time_step_limit)", a.step_min, b.step_min);
    if (a.step_max != b.step_max) refuse("the greatest time step (time_step_limit)");
    same("the norm of recurrent layers", a.normed, b.normed);
    same("the norm before the gate (mamba_norm_before_gate)", a.norm_first, b.norm_first);
  }

  void layer(size_t i) const {
    const AttentionDescription& a = said_.layers[i].attention;
    const AttentionDescription& b = read_.layers[i].attention;
    const FeedForwardDescription& f = said_.layers[i].feed_forward;
    const FeedForwardDescription& g = read_.layers[i].feed_forward;
    same("the mixer", said_.layers[i].mixer, read_.layers[i].mixer, i);
    same("the feed-forward part", said_.layers[i].feeds_forward, read_.layers[i].feeds_forward, i);
    same("the heads", a.q_heads, b.q_heads, i);
    same("the key and value heads", a.kv_heads, b.kv_heads, i);
    same("the size of heads", a.head_dim, b.head_dim, i);
    same("the size of values", a.value_dim, b.value_dim, i);
    same("the size of the latent vector", a.latent, b.latent, i);
    same("the size of the vector that q is made of", a.query_latent, b.query_latent, i);
    same("the rotated part of heads", a.rope_dim, b.rope_dim, i);
    same("the window", a.window, b.window, i);
    same("the chunks of positions", a.chunked, b.chunked, i);
    if (said_.temperature_length > 0) same("the temperature", a.tempered, b.tempered, i);
    if (said_.architecture->gguf_weightless_norms)
      same("the norms of q and k", a.norm == HeadNorm::kNone, b.norm == HeadNorm::kNone, i);
    same("scores that fall with the distance", a.alibi, b.alibi, i);
    same("the norms of q and k", a.norm == HeadNorm::kWidth, b.norm == HeadNorm::kWidth, i);
    if (a.norm != HeadNorm::kWeightless) same("the scale of attention", a.scale, b.scale, i);
    same("the cap of scores", a.soft_cap, b.soft_cap, i);
    same("the limit of q, k and v", a.clip, b.clip, i);
    same("the scale of values", a.value_scale, b.value_scale, i);
    same("the sinks", a.sinks, b.sinks, i);
    same("the fall of scores with the distance", a.alibi, b.alibi, i);
    same("the output gate", a.gate, b.gate, i);
    same("the output gate of each head", a.gate_per_head, b.gate_per_head, i);
    same("the width of the feed-forward layer", f.width, g.width, i);
    same("the experts", f.experts, g.experts, i);
    same("the limit of the activation", f.limit, g.limit, i);
    same("the limit of the shared expert's activation", f.shared_limit, g.shared_limit, i);
    same("the width of the dense part beside experts", f.beside_width, g.beside_width, i);
    same("the layer whose keys and values are read", a.kv_layer, b.kv_layer, i);
    same("the width of the shared expert", f.shared_width, g.shared_width, i);
    same("the width of the experts' latent state", f.latent_width, g.latent_width, i);
    same("the gate of the shared expert", f.shared_gate, g.shared_gate, i);
    same("the rotation", a.rope == LayerRope::kNone, b.rope == LayerRope::kNone, i);
    if (a.rope != LayerRope::kNone) rope(rope_of(said_, a), rope_of(read_, b), i);
  }

  static const RopeDescription& rope_of(const ModelDescription& model, const AttentionDescription& a) {
    return a.rope == LayerRope::kWindow ? model.window_rope : model.rope;
  }

  void rope(const RopeDescription& a, const RopeDescription& b, size_t i) const {
    same("the base of the rotation", a.theta, b.theta, i);
    same("the rotated dimensions", a.rotary_dim, b.rotary_dim, i);
    // llama3's scaling comes back as divisors.
    const auto kind = [](const RopeDescription& r) {
      const bool divides = r.scaling.kind == RopeScaling::Kind::kLlama3 || !r.frequency_divisors.empty();
      return divides ? RopeScaling::Kind::kLlama3 : r.scaling.kind;
    };
    same("the scaling of the rotation", kind(a), kind(b), i);
    if (kind(a) == RopeScaling::Kind::kNone || kind(a) == RopeScaling::Kind::kLlama3) return;
    same("the factor of the rotation's scaling", a.scaling.factor, b.scaling.factor, i);
    same("the rounding of YaRN's range", a.scaling.truncate, b.scaling.truncate, i);
    same("the magnitude of the rotation", magnitude(a.scaling), magnitude(b.scaling), i);
    const auto within = [](const RopeScaling& s) { return s.short_attention_factor.value_or(magnitude(s)); };
    same("the magnitude of the rotation within the original context (short_mscale)", within(a.scaling),
         within(b.scaling), i);
  }

  // By what a scaling multiplies cos and sin.
  static float magnitude(const RopeScaling& s) {
    using Kind = RopeScaling::Kind;
    if (s.kind != Kind::kYarn && s.kind != Kind::kLongRope) return 1;
    if (s.attention_factor) return *s.attention_factor;
    if (s.factor <= 1) return 1;
    const float growth = std::log(s.factor);
    if (s.kind == Kind::kLongRope)
      return std::sqrt(1 + growth / std::log(static_cast<float>(s.original_context)));
    const float all = s.mscale_all_dim.value_or(0), one = s.mscale.value_or(0);
    if (one == 0 || all == 0) return 1 + 0.1F * growth;
    return (1 + 0.1F * one * growth) / (1 + 0.1F * all * growth);
  }

  // The first layer that differs is enough.
  template <class T>
  void same(std::string_view what, const T& said, const T& read, size_t i) const {
    if (!is_same(said, read)) refuse(fmt::format("{} of layer {}", what, i));
  }
  template <class T>
  void same(std::string_view what, const T& said, const T& read) const {
    if (!is_same(said, read)) refuse(what);
  }

  template <class T>
  static bool is_same(const T& a, const T& b) {
    return a == b;
  }
  static bool is_same(float a, float b) {
    return std::abs(a - b) <= 1e-5F * std::max(std::abs(a), std::abs(b));
  }

  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorCode::kUnsupported,
         "{}: {} is not what GGUF's readers assume of the architecture {}, and GGUF has "
         "no key for it",
         source_, what, said_.architecture->gguf_name());
  }

  const ModelDescription& said_;
  const ModelDescription& read_;
  const std::string& source_;
};

}  // namespace

void check_fits_gguf(const ModelDescription& model, const std::string& source) {
  Comparison(model, read_back(model, source), source).run();
}

}  // namespace ferrum
