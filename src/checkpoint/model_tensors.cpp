#include "checkpoint/model_tensors.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/group_tensors.h"

namespace ferrum {
namespace {

using Role = TensorRole;
using Shape = std::vector<int64_t>;

class Checker {
 public:
  Checker(const ModelDescription& model, const TensorTable& table, const std::vector<TensorRole>& biased)
      : m_(model), table_(table), biased_(biased), used_(table.all().size(), false) {}

  CheckedTensors run() {
    require({Role::kEmbedding}, {m_.vocab, m_.hidden});
    require({Role::kFinalNorm}, {m_.hidden});
    if (!m_.tied_head) require({Role::kHead}, {m_.vocab, m_.hidden});
    for (int i = 0; i < m_.layers; ++i) layer(i);
    for (const Role role : {Role::kRopeFrequencies, Role::kRopeFactorsLong, Role::kRopeFactorsShort})
      see({role}, {m_.rope.rotary_dim / 2});
    return result();
  }

 private:
  void layer(int i) {
    require({Role::kAttentionNorm, i}, {m_.hidden});
    require({Role::kFfnNorm, i}, {m_.hidden});
    attention(i);
    m_.moe_layers[i] ? experts(i) : dense(i);
  }

  void attention(int i) {
    const int64_t q_width = static_cast<int64_t>(m_.q_heads) * m_.head_dim;
    const int64_t kv_width = static_cast<int64_t>(m_.kv_heads) * m_.head_dim;
    if (table_.find({Role::kQueryKeyValue, i})) {
      const bool is_biased = has_bias(Role::kQuery);
      projection({Role::kQueryKeyValue, i}, {q_width + 2 * kv_width, m_.hidden}, is_biased);
    } else {
      projection({Role::kQuery, i}, {q_width, m_.hidden});
      projection({Role::kKey, i}, {kv_width, m_.hidden});
      projection({Role::kValue, i}, {kv_width, m_.hidden});
    }
    projection({Role::kAttentionOut, i}, {m_.hidden, q_width});
    const bool has_norms =
        m_.architecture == Architecture::kQwen3 || m_.architecture == Architecture::kQwen3Moe;
    for (const Role role : {Role::kQueryNorm, Role::kKeyNorm})
      has_norms ? require({role, i}, {m_.head_dim}) : accept({role, i}, {m_.head_dim});
  }

  void dense(int i) {
    if (table_.find({Role::kGateUp, i})) {
      projection({Role::kGateUp, i}, {2 * int64_t{m_.ffn}, m_.hidden}, has_bias(Role::kGate));
    } else {
      projection({Role::kGate, i}, {m_.ffn, m_.hidden});
      projection({Role::kUp, i}, {m_.ffn, m_.hidden});
    }
    projection({Role::kDown, i}, {m_.hidden, m_.ffn});
  }

  void experts(int i) {
    require({Role::kRouter, i}, {m_.experts, m_.hidden});
    if (table_.find({Role::kExpertGateUp, i})) {
      require({Role::kExpertGateUp, i}, {m_.experts, 2 * int64_t{m_.expert_ffn}, m_.hidden});
    } else {
      each_expert(Role::kExpertGate, i, {m_.expert_ffn, m_.hidden});
      each_expert(Role::kExpertUp, i, {m_.expert_ffn, m_.hidden});
    }
    each_expert(Role::kExpertDown, i, {m_.hidden, m_.expert_ffn});
  }

  // All experts in one tensor, or a tensor for each.
  void each_expert(Role role, int i, const Shape& shape) {
    const bool stacked =
        table_.find({role, i}) != nullptr || (table_.naming() == Naming::kGguf && !table_.find({role, i, 0}));
    if (stacked) {
      require({role, i}, {m_.experts, shape[0], shape[1]});
    } else {
      for (int e = 0; e < m_.experts; ++e) require({role, i, e}, shape);
    }
  }

  void projection(const TensorKey& key, const Shape& shape) { projection(key, shape, has_bias(key.role)); }

  void projection(TensorKey key, const Shape& shape, bool is_biased) {
    require(key, shape);
    key.is_bias = true;
    is_biased ? require(key, {shape[0]}) : accept(key, {shape[0]});
  }

  bool has_bias(Role role) const { return std::find(biased_.begin(), biased_.end(), role) != biased_.end(); }

  void require(const TensorKey& key, const Shape& shape) {
    if (!table_.find(key))
      fail(ErrorCode::kBadFile, "{}: tensor {} is missing", table_.source(),
           in_quotes(tensor_name(table_.naming(), key)));
    accept(key, shape);
  }

  // Checks and counts a tensor that need not be there.
  void accept(const TensorKey& key, const Shape& shape) {
    if (const HostTensor* tensor = see(key, shape)) result_.parameters += tensor->elements();
  }

  const HostTensor* see(const TensorKey& key, const Shape& shape) {
    const HostTensor* tensor = table_.find(key);
    if (!tensor) return nullptr;
    if (tensor->shape != shape)
      fail(ErrorCode::kBadConfig, "{}: tensor {} has shape [{}], but the model's description demands [{}]",
           table_.source(), in_quotes(tensor->name), fmt::join(tensor->shape, ", "), fmt::join(shape, ", "));
    used_[table_.index_of(*tensor)] = true;
    return tensor;
  }

  CheckedTensors result() {
    for (size_t i = 0; i < used_.size(); ++i)
      if (!used_[i] && !is_known_to_be_unused(table_.all()[i].name))
        result_.extra.push_back(table_.all()[i].name);
    return std::move(result_);
  }

  // A copy of the tied head, and buffers that older versions of transformers saved.
  bool is_known_to_be_unused(std::string_view name) const {
    const auto key = parse_tensor_name(table_.naming(), name);
    return (m_.tied_head && key == TensorKey{Role::kHead}) || name.ends_with(".rotary_emb.inv_freq");
  }

  const ModelDescription& m_;
  const TensorTable& table_;
  const std::vector<TensorRole>& biased_;
  std::vector<bool> used_;  // [tensors]
  CheckedTensors result_;
};

// Compares value by value: the formats may differ.
bool has_same_values(const HostTensor& a, const HostTensor& b) {
  if (a.shape != b.shape) return false;
  if (a.format == b.format && !a.maker && !b.maker)
    return a.bytes.size() == b.bytes.size() &&
           std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
  constexpr int64_t kRowsTogether = 16;
  std::vector<float> rows_a(static_cast<size_t>(kRowsTogether * a.cols())), rows_b(rows_a.size());
  for (int64_t row = 0; row < a.rows(); row += kRowsTogether) {
    const int64_t count = std::min(kRowsTogether, a.rows() - row);
    decode_rows(a, row, count, rows_a.data());
    decode_rows(b, row, count, rows_b.data());
    if (!std::equal(rows_a.begin(), rows_a.begin() + count * a.cols(), rows_b.begin())) return false;
  }
  return true;
}

}  // namespace

CheckedTensors check_tensors(const ModelDescription& model, const TensorTable& table,
                             const std::vector<TensorRole>& biased) {
  return Checker(model, table, biased).run();
}

bool uses_hf_tensor(const ModelDescription& model, std::string_view name) {
  std::string weight(name);
  if (is_group_part(name)) weight.replace(name.rfind('.'), std::string::npos, ".weight");
  const auto key = parse_tensor_name(Naming::kHuggingFace, weight);
  if (!key || key->layer >= model.layers || key->expert >= model.experts) return false;
  if (key->role == Role::kHead) return !model.tied_head && !key->is_bias;
  return true;
}

void settle_tied_head(ModelDescription& model, TensorTable& table) {
  if (!model.tied_head) return;
  const HostTensor* embedding = table.find({Role::kEmbedding});
  const HostTensor* head = table.find({Role::kHead});
  if (!head) return;
  if (!embedding) return table.add_role(*head, {Role::kEmbedding});
  if (has_same_values(*embedding, *head)) return;
  model.tied_head = false;
  log::warn(
      "{}: tie_word_embeddings is true, but {} and {} are stored with different values; they are not tied",
      table.source(), in_quotes(embedding->name), in_quotes(head->name));
}

void warn_of_extra_tensors(const std::vector<std::string>& extra, const std::string& source) {
  if (extra.empty()) return;
  constexpr size_t kListed = 5;
  std::string list;
  for (size_t i = 0; i < std::min(extra.size(), kListed); ++i)
    list += fmt::format("{}{}", i == 0 ? "" : ", ", in_quotes(extra[i]));
  if (extra.size() > kListed) list += fmt::format(" and {} more", extra.size() - kListed);
  log::warn("{}: the model does not use these tensors: {}", source, list);
}

}  // namespace ferrum
