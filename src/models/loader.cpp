#include "models/loader.h"

#include <cmath>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "models/rope.h"

namespace ferrum {
namespace {

using Role = TensorRole;

class Loader {
 public:
  Loader(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
         const LoadProgress& progress)
      : backend_(backend),
        checkpoint_(checkpoint),
        model_(checkpoint.model()),
        limits_(limits),
        progress_(progress) {}

  DecoderWeights load() {
    DecoderWeights w;
    w.embedding = pack({.parts = {{required({Role::kEmbedding})}},
                        .use = model_.tied_head ? WeightUse::kMultiply : WeightUse::kLookUp});
    if (!model_.tied_head) w.head = matrix({Role::kHead});
    w.final_norm = norm({Role::kFinalNorm});
    const Rope rope = rotation();
    for (int i = 0; i < model_.layers; ++i) w.layers.push_back(layer(i, rope));
    if (!checkpoint_.intact())
      fail(ErrorCode::kBadFile, "{}: the file was cut while it was read", model_.name);
    w.buffers = std::move(buffers_);
    return w;
  }

 private:
  DecoderLayer layer(int i, const Rope& rope) {
    DecoderLayer l;
    l.attention_norm = norm({Role::kAttentionNorm, i});
    l.ffn_norm = norm({Role::kFfnNorm, i});
    l.attention = {.heads = {model_.q_heads, model_.kv_heads, model_.head_dim},
                   .q_norm = norm_if_present({Role::kQueryNorm, i}),
                   .k_norm = norm_if_present({Role::kKeyNorm, i}),
                   .rope = rope,
                   .scale = 1.0f / std::sqrt(static_cast<float>(model_.head_dim)),
                   .window = model_.sliding_layers[i] ? model_.window : 0};
    l.qkv = stack(i, Role::kQueryKeyValue, {Role::kQuery, Role::kKey, Role::kValue});
    l.out = matrix({Role::kAttentionOut, i});
    if (model_.moe_layers[i]) {
      l.router = matrix({Role::kRouter, i});
      l.gate_up = expert_stack(i, Role::kExpertGateUp, {Role::kExpertGate, Role::kExpertUp});
      l.down = expert_stack(i, Role::kExpertDown, {});
    } else {
      l.gate_up = stack(i, Role::kGateUp, {Role::kGate, Role::kUp});
      l.down = matrix({Role::kDown, i});
    }
    return l;
  }

  std::unique_ptr<Weight> matrix(const TensorKey& key) {
    return pack({.parts = {{required(key)}}, .bias = bias_of(key, required(key).rows())});
  }

  // The fused tensor if the checkpoint has one, else the parts stacked. Parts without a bias get zeros where
  // another part has one.
  std::unique_ptr<Weight> stack(int layer, Role fused, std::initializer_list<Role> parts) {
    if (checkpoint_.find({fused, layer})) return matrix({fused, layer});
    WeightSource source;
    std::vector<float> bias;
    bool any_bias = false;
    for (const Role role : parts) {
      const HostTensor& part = required({role, layer});
      std::vector<float> part_bias = bias_of({role, layer}, part.rows());
      any_bias |= !part_bias.empty();
      part_bias.resize(static_cast<size_t>(part.rows()));
      bias.insert(bias.end(), part_bias.begin(), part_bias.end());
      source.parts.push_back({part});
    }
    if (any_bias) source.bias = std::move(bias);
    return pack(source);
  }

  std::unique_ptr<Weight> expert_stack(int layer, Role fused, std::initializer_list<Role> parts) {
    WeightSource source = {.groups = model_.experts};
    if (has_experts(layer, fused)) {
      source.parts.push_back(experts_of(layer, fused));
    } else {
      for (const Role role : parts) source.parts.push_back(experts_of(layer, role));
    }
    return pack(source);
  }

  bool has_experts(int layer, Role role) const {
    return checkpoint_.find({role, layer}) || checkpoint_.find({role, layer, 0});
  }

  // All experts in one tensor, or a tensor for each.
  WeightSource::Part experts_of(int layer, Role role) const {
    if (const HostTensor* all = checkpoint_.find({role, layer})) return {*all};
    WeightSource::Part part;
    for (int e = 0; e < model_.experts; ++e) part.push_back(required({role, layer, e}));
    return part;
  }

  std::vector<float> bias_of(TensorKey key, int64_t rows) const {
    key.is_bias = true;
    const HostTensor* bias = checkpoint_.find(key);
    if (!bias) return {};
    check_equal(bias->elements(), rows, bias->name);
    return decoded(*bias);
  }

  // The checkpoint has checked that every tensor the description demands is there.
  const HostTensor& required(const TensorKey& key) const {
    const HostTensor* tensor = checkpoint_.find(key);
    check(tensor != nullptr, tensor_name(Naming::kGguf, key));
    return *tensor;
  }

  Norm norm(const TensorKey& key) {
    return {.kind = Norm::Kind::kRms, .weight = upload(decoded(required(key)), 1), .eps = model_.norm_eps};
  }

  Norm norm_if_present(const TensorKey& key) { return checkpoint_.find(key) ? norm(key) : Norm{}; }

  Rope rotation() {
    RopeFrequencies frequencies = rope_frequencies(model_.rope, limits_.max_positions);
    if (limits_.rope_precision == RopePrecision::kStored)
      frequencies = rounded(std::move(frequencies), checkpoint_.main_format());
    return {upload(rope_table(frequencies, limits_.max_positions), limits_.max_positions),
            model_.rope.interleaved ? RopePairing::kNeighbours : RopePairing::kHalves};
  }

  Tensor upload(const std::vector<float>& values, int rows) {
    buffers_.push_back(backend_.allocate(values.size() * sizeof(float)));
    const int cols = static_cast<int>(values.size()) / rows;
    const Tensor tensor = {buffers_.back()->data(), DType::kF32, rows, cols, cols};
    backend_.upload(tensor, std::as_bytes(std::span(values)));
    return tensor;
  }

  std::unique_ptr<Weight> pack(const WeightSource& source) {
    std::unique_ptr<Weight> weight = backend_.pack(source);
    for (const WeightSource::Part& part : source.parts)
      for (const HostTensor& tensor : part) {
        done_ += tensor.byte_size();
        if (source.use != WeightUse::kLookUp) checkpoint_.release(tensor);
      }
    if (progress_) progress_(done_, checkpoint_.bytes());
    return weight;
  }

  Backend& backend_;
  const Checkpoint& checkpoint_;
  const ModelDescription& model_;
  const DecoderLimits& limits_;
  const LoadProgress& progress_;
  uint64_t done_ = 0;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace

DecoderConfig decoder_config(const ModelDescription& m) {
  return {.layers = m.layers,
          .hidden = m.hidden,
          .vocab = m.vocab,
          .ffn = m.ffn,
          .experts = m.experts,
          .routing = {.top_k = m.experts_per_token, .renormalize = m.renormalize_experts},
          .heads = {m.q_heads, m.kv_heads, m.head_dim}};
}

std::unique_ptr<Decoder> load_decoder(Backend& backend, const Checkpoint& checkpoint,
                                      const DecoderLimits& limits, const LoadProgress& progress) {
  DecoderWeights weights = Loader(backend, checkpoint, limits, progress).load();
  return std::make_unique<Decoder>(backend, decoder_config(checkpoint.model()), std::move(weights), limits);
}

}  // namespace ferrum
