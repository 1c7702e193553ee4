#include "checkpoint/gguf/gguf_layout.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {
namespace {

using Kind = RopeScaling::Kind;
using Role = TensorRole;

class Layout {
 public:
  using Has = std::function<bool(const PlannedTensor&)>;
  Layout(const ModelDescription& model, const Has& has)
      : m_(model), has_(has), names_(model.architecture->tensor_names()) {}

  std::vector<GgufLayoutTensor> run() {
    for (const PlannedTensor& planned : tensors_of(m_)) {
      if (planned.use == TensorUse::kScalars || (planned.may_be_absent && !has_(planned))) continue;
      add(planned);
      if (planned.key.role == Role::kEmbedding) rope_factors();
      if (planned.key.role == Role::kQuery && !planned.key.is_bias) head_norms(planned.key.layer);
    }
    return std::move(out_);
  }

 private:
  void rope_factors() {
    const int64_t pairs = m_.rope.rotary_dim / 2;
    const auto factor = [&](Role role) { add({role}, {pairs}); };
    if (m_.rope.scaling.kind == Kind::kLlama3 || !m_.rope.frequency_divisors.empty())
      factor(Role::kRopeFrequencies);
    if (m_.rope.scaling.kind != Kind::kLongRope) return;
    factor(Role::kRopeFactorsLong);
    factor(Role::kRopeFactorsShort);
  }

  // GGUF has weights for most norms of heads that have none in folders.
  void head_norms(int layer) {
    const AttentionDescription& a = m_.layer(layer).attention;
    if (a.norm != HeadNorm::kWeightless || m_.architecture->gguf_weightless_norms) return;
    add({Role::kQueryNorm, layer}, {a.head_dim});
    add({Role::kKeyNorm, layer}, {a.head_dim});
  }

  // Some architectures have one tensor in GGUF for several of the plan's.
  void add(const PlannedTensor& planned) {
    if (!names_.find_name(Naming::kGguf, planned.key).empty() &&
        (planned.fused == Role::kEmbedding || !is_fused_in_gguf(planned)))
      return add(planned.key, with_unit_axes(planned));
    check(planned.fused != Role::kEmbedding, "GGUF has a name for every tensor of the plan");
    const TensorKey whole = {planned.fused, planned.key.layer, -1, planned.key.is_bias};
    const size_t rows_at = planned.shape.size() - (planned.key.is_bias ? 1 : 2);
    // Weights and biases of the parts take turns.
    const auto found = std::ranges::find(out_, whole, &GgufLayoutTensor::key);
    if (found != out_.end())
      found->shape[rows_at] += planned.shape[rows_at];
    else
      add(whole, planned.shape);
  }

  // Readers of layers that decay by channel expect an axis of length 1 more.
  std::vector<int64_t> with_unit_axes(const PlannedTensor& planned) const {
    std::vector<int64_t> shape = planned.shape;
    const Role role = planned.key.role;
    if (role == Role::kQueryConvolution || role == Role::kKeyConvolution || role == Role::kValueConvolution)
      shape.insert(shape.begin() + 1, 1);
    if (role == Role::kDecay && m_.delta.by_channel) shape.push_back(1);
    return shape;
  }

  bool is_fused_in_gguf(const PlannedTensor& planned) const {
    return std::ranges::any_of(m_.architecture->names, [&](const TensorNames& row) {
      return row.role == planned.fused && !row.gguf.empty();
    });
  }

  void add(const TensorKey& key, std::vector<int64_t> shape) {
    out_.push_back({key, names_.name(Naming::kGguf, key), std::move(shape)});
  }

  const ModelDescription& m_;
  const Has& has_;
  NameTable names_;
  std::vector<GgufLayoutTensor> out_;
};

}  // namespace

int64_t GgufLayoutTensor::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

bool stores_interleaved(const ModelDescription& model) {
  return model.architecture->gguf_interleaved && !model.rope.interleaved;
}

std::vector<GgufLayoutTensor> gguf_tensors(const ModelDescription& model,
                                           const std::function<bool(const PlannedTensor&)>& has) {
  return Layout(model, has).run();
}

// Long wavelengths (of positions the model never saw a whole turn of) are stretched by the factor, short ones
// not at all, and between the two limits the frequencies are interpolated. Source: Llama 3.1's reference, as
// transformers has it.
std::vector<float> rope_divisors(const RopeDescription& rope) {
  if (!rope.frequency_divisors.empty()) return rope.frequency_divisors;
  const RopeScaling& s = rope.scaling;
  check(s.kind == Kind::kLlama3, "divisors are llama3's scaling");
  std::vector<float> divisors;
  for (int i = 0; i < rope.rotary_dim / 2; ++i) {
    const double wavelength = 2 * std::numbers::pi * std::pow(rope.theta, 2.0 * i / rope.rotary_dim);
    const double turns = s.original_context / wavelength;
    const double low = s.low_frequency_factor;
    const double high = s.high_frequency_factor;
    const double blended = high > low ? std::clamp((turns - low) / (high - low), 0.0, 1.0) : 0;
    const double kept = high <= low && turns >= low ? 1 : blended;
    divisors.push_back(static_cast<float>(1 / ((1 - kept) / s.factor + kept)));
  }
  return divisors;
}

}  // namespace ferrum
