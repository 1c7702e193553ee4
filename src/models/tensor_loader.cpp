#include "models/tensor_loader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/row_views.h"
#include "checkpoint/tensor_plan.h"
#include "models/rope.h"

namespace ferrum {
namespace {

using Role = TensorRole;

WeightOrigin origin_of(const Weight& weight, const WeightSource& source,
                       const std::vector<TensorLoader::Part>& parts) {
  WeightOrigin origin = {.weight = &weight, .use = source.use, .parts = {}};
  for (size_t i = 0; i < parts.size(); ++i) {
    int64_t rows = 0;
    for (const HostTensor& tensor : source.parts[i]) rows += tensor.rows();
    origin.parts.push_back({parts[i].key, parts[i].rows, rows / source.groups});
  }
  return origin;
}

}  // namespace

TensorLoader::TensorLoader(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
                           const LoadProgress& progress)
    : backend_(&backend),
      checkpoint_(checkpoint),
      model_(checkpoint.model()),
      limits_(limits),
      progress_(progress) {}

TensorLoader::TensorLoader(std::vector<WeightSource>& listed, const Checkpoint& checkpoint)
    : listed_(&listed), checkpoint_(checkpoint), model_(checkpoint.model()) {}

std::unique_ptr<Weight> TensorLoader::table_from(const TensorKey& key, int first) {
  if (first == 0) return table(key);
  const HostTensor& all = required(key);
  std::vector<int64_t> kept;
  for (int64_t row = first; row < all.rows(); ++row) kept.push_back(row);
  return pack({.parts = {{selected_rows(all, kept)}}, .use = WeightUse::kLookUp}, {{key, kept}});
}

std::unique_ptr<Weight> TensorLoader::table(const TensorKey& key, WeightUse use) {
  return pack({.parts = {{required(key)}}, .use = use}, {{key, {}}});
}

std::unique_ptr<Weight> TensorLoader::stack(int layer, Role fused, std::initializer_list<Role> parts) {
  if (checkpoint_.find({fused, layer})) return matrix({fused, layer});
  std::vector<Part> all;
  for (const Role role : parts) all.push_back({{role, layer}, {}});
  return stacked(all);
}

std::unique_ptr<Weight> TensorLoader::stacked(const std::vector<Part>& parts) {
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

std::unique_ptr<Weight> TensorLoader::expert_stack(int layer, int experts, Role fused,
                                                   std::initializer_list<Role> parts) {
  const std::vector<Role> roles =
      has_experts(layer, fused) ? std::vector<Role>{fused} : std::vector<Role>(parts);
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

std::vector<float> TensorLoader::expert_bias(int layer, int experts, Role role) const {
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

std::vector<float> TensorLoader::joined(const std::vector<std::vector<float>>& biases,
                                        const std::vector<Role>& roles, int layer, int experts) const {
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

size_t TensorLoader::rows_of_expert(int layer, int experts, Role role) const {
  if (const HostTensor* all = checkpoint_.find({role, layer}))
    return static_cast<size_t>(all->rows() / experts);
  return static_cast<size_t>(required({role, layer, 0}).rows());
}

bool TensorLoader::has_experts(int layer, Role role) const {
  return checkpoint_.find({role, layer}) || checkpoint_.find({role, layer, 0});
}

WeightSource::Part TensorLoader::experts_of(int layer, int experts, Role role) const {
  if (const HostTensor* all = checkpoint_.find({role, layer})) return {*all};
  WeightSource::Part part;
  for (int e = 0; e < experts; ++e) part.push_back(required({role, layer, e}));
  return part;
}

std::vector<float> TensorLoader::bias_of(TensorKey key, int64_t rows) const {
  if (listed_ != nullptr) return {};
  key.is_bias = true;
  const HostTensor* bias = checkpoint_.find(key);
  if (!bias) return {};
  check_equal(bias->elements(), rows, bias->name);
  return decoded(*bias);
}

const HostTensor& TensorLoader::required(const TensorKey& key) const {
  const HostTensor* tensor = checkpoint_.find(key);
  check(tensor != nullptr, "a tensor of the plan is there");
  return *tensor;
}

Tensor TensorLoader::vector(const TensorKey& key) {
  if (listed_ != nullptr) return {};
  std::vector<float> values = decoded(required(key));
  if (is_stored_minus_one(model_, key))
    for (float& value : values) value += 1;
  return upload(values, 1);
}

Tensor TensorLoader::vector_if_there(const TensorKey& key) {
  return checkpoint_.find(key) != nullptr ? vector(key) : Tensor();
}

Norm TensorLoader::norm(TensorKey key, float eps) {
  Norm n = {.kind = model_.wiring.layer_norm ? Norm::Kind::kLayer : Norm::Kind::kRms, .eps = eps};
  if (model_.wiring.norm_weight) n.weight = vector(key);
  key.is_bias = true;
  if (model_.wiring.norm_bias) n.bias = vector(key);
  return n;
}

Rope TensorLoader::rotation(const RopeDescription& rope) {
  if (listed_ != nullptr) return {};
  const RopeFrequencies frequencies = rope_frequencies(rope, limits_.max_positions);
  return {upload(rope_table(frequencies, limits_.max_positions), limits_.max_positions),
          rope.interleaved ? RopePairing::kNeighbours : RopePairing::kHalves};
}

Tensor TensorLoader::upload(const std::vector<float>& values, int rows) {
  if (only_lists()) return {};
  buffers_.push_back(backend_->allocate(values.size() * sizeof(float)));
  const int cols = static_cast<int>(values.size()) / rows;
  const Tensor tensor = {buffers_.back()->data(), DType::kF32, rows, cols, cols};
  backend_->upload(tensor, std::as_bytes(std::span(values)));
  return tensor;
}

std::unique_ptr<Weight> TensorLoader::pack(const WeightSource& source, const std::vector<Part>& parts) {
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

std::unique_ptr<Weight> TensorLoader::matrix_of_heads(const TensorKey& key, int heads) {
  return pack({.groups = heads, .parts = {{required(key)}}, .use = WeightUse::kHeads}, {{key, {}}});
}

std::vector<std::unique_ptr<Buffer>> TensorLoader::take_buffers() {
  if (!checkpoint_.intact()) fail(ErrorCode::kBadFile, "{}: the file was cut while it was read", model_.name);
  return std::move(buffers_);
}

}  // namespace ferrum
