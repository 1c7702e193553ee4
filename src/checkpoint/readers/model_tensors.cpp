#include "checkpoint/readers/model_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/architecture.h"
#include "checkpoint/safetensors/group_tensors.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {
namespace {

using Role = TensorRole;
using Shape = std::vector<int64_t>;

std::string shortened(const std::vector<std::string>& names) {
  constexpr size_t kListed = 5;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kListed); ++i)
    list += fmt::format("{}{}", i == 0 ? "" : ", ", in_quotes(names[i]));
  if (names.size() > kListed) list += fmt::format(" and {} more", names.size() - kListed);
  return list;
}

constexpr Role kNotFused = Role::kEmbedding;

// Ones say nothing: some files store a row of numbers as [1, n] or [n, 1].
Shape squeezed(Shape shape) {
  std::erase(shape, 1);
  return shape;
}

class Checker {
 public:
  Checker(const ModelDescription& model, const TensorTable& table)
      : m_(model), table_(table), used_(table.all().size(), false) {}

  CheckedTensors run() {
    const std::vector<PlannedTensor> plan = tensors_of(m_);
    for (size_t i = 0; i < plan.size(); ++i) {
      const PlannedTensor& p = plan[i];
      if (p.fused != kNotFused && has_fused(p)) {
        if (is_first_part(plan, i)) accept_fused(plan, i);
      } else if (p.use == TensorUse::kExpert || (p.shape.size() == 2 && is_expert(p.key.role))) {
        each_expert(p);
      } else {
        p.may_be_absent ? accept(p.key, p.shape) : require(p.key, p.shape);
      }
    }
    for (const Role role : {Role::kRopeFrequencies, Role::kRopeFactorsLong, Role::kRopeFactorsShort})
      see({role}, {m_.rope.rotary_dim / 2});
    refuse_unknown();
    return std::move(result_);
  }

 private:
  static bool is_expert(Role role) {
    return role == Role::kExpertGate || role == Role::kExpertUp || role == Role::kExpertDown;
  }

  static TensorKey fused_key(const PlannedTensor& p, bool is_bias) {
    return {p.fused, p.key.layer, -1, is_bias};
  }

  bool has_fused(const PlannedTensor& p) const { return table_.find(fused_key(p, false)) != nullptr; }

  static bool is_same_fused(const PlannedTensor& a, const PlannedTensor& b) {
    return a.fused == b.fused && a.key.layer == b.key.layer && a.key.is_bias == b.key.is_bias;
  }

  static bool is_first_part(const std::vector<PlannedTensor>& plan, size_t at) {
    for (size_t i = 0; i < at; ++i)
      if (is_same_fused(plan[i], plan[at])) return false;
    return true;
  }

  // One tensor with the rows of all parts: of a matrix, or of each expert's.
  void accept_fused(const std::vector<PlannedTensor>& plan, size_t first) {
    const PlannedTensor& p = plan[first];
    const size_t rows_at = p.shape.size() - (p.key.is_bias ? 1 : 2);
    Shape shape = p.shape;
    bool may_be_absent = p.may_be_absent;
    for (size_t i = first + 1; i < plan.size(); ++i) {
      if (!is_same_fused(p, plan[i])) continue;
      shape[rows_at] += plan[i].shape[rows_at];
      may_be_absent &= plan[i].may_be_absent;
    }
    const TensorKey key = fused_key(p, p.key.is_bias);
    may_be_absent ? accept(key, shape) : require(key, shape);
  }

  // All experts in one tensor, or a tensor for each.
  void each_expert(const PlannedTensor& p) {
    TensorKey one = p.key;
    one.expert = 0;
    const bool stacked =
        table_.find(p.key) != nullptr || (table_.naming() == Naming::kGguf && !table_.find(one));
    if (stacked || (p.may_be_absent && !table_.find(one))) {
      p.may_be_absent ? accept(p.key, p.shape) : require(p.key, p.shape);
      return;
    }
    const Shape shape(p.shape.begin() + 1, p.shape.end());
    for (int e = 0; e < p.shape.front(); ++e) {
      one.expert = e;
      p.may_be_absent ? accept(one, shape) : require(one, shape);
    }
  }

  void require(const TensorKey& key, const Shape& shape) {
    if (!table_.find(key))
      fail(ErrorCode::kBadFile, "{}: tensor {} is missing", table_.source(),
           in_quotes(table_.names().name(table_.naming(), key)));
    accept(key, shape);
  }

  // Checks and counts a tensor that need not be there.
  void accept(const TensorKey& key, const Shape& shape) {
    const HostTensor* tensor = see(key, shape);
    if (tensor && key.layer < m_.depth()) result_.parameters += tensor->elements();  // not the MTP head's
  }

  // Of a norm whose weight has a row for each group folders have the rows one behind the other.
  static bool fits(const HostTensor& tensor, const TensorKey& key, const Shape& shape) {
    if (squeezed(tensor.shape) == squeezed(shape)) return true;
    return key.role == Role::kMixerNorm && shape.size() == 2 && tensor.shape == Shape{shape[0] * shape[1]};
  }

  const HostTensor* see(const TensorKey& key, const Shape& shape) {
    const HostTensor* tensor = table_.find(key);
    if (!tensor) return nullptr;
    if (!fits(*tensor, key, shape))
      fail(ErrorCode::kBadConfig, "{}: tensor {} has shape [{}], but the model's description demands [{}]",
           table_.source(), in_quotes(tensor->name), fmt::join(tensor->shape, ", "), fmt::join(shape, ", "));
    used_[table_.index_of(*tensor)] = true;
    return tensor;
  }

  // A tensor that the plan does not know may mean wrong numbers.
  void refuse_unknown() {
    std::vector<std::string> unknown;
    for (size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) continue;
      const std::string& name = table_.all()[i].name;
      if (table_.all()[i].elements() == 0) continue;  // nothing to place: an expert of width 0
      if (is_ignored_tensor(m_, table_, name)) {
        if (!is_silent(name)) result_.unused.push_back(name);
      } else {
        unknown.push_back(name);
      }
    }
    if (!unknown.empty())
      fail(ErrorCode::kUnsupported,
           "{}: the architecture {} has no place for {}; without {} the answers could be wrong",
           table_.source(), name_of(*m_.architecture), shortened(unknown),
           unknown.size() == 1 ? "it" : "them");
  }

  // A copy of the tied head, and buffers that older versions of transformers saved.
  bool is_silent(std::string_view name) const {
    const auto key = table_.names().parse(table_.naming(), name);
    return (m_.tied_head && key == TensorKey{Role::kHead}) || name.ends_with(".rotary_emb.inv_freq");
  }

  const ModelDescription& m_;
  const TensorTable& table_;
  std::vector<bool> used_;  // [tensors]
  CheckedTensors result_;
};

// The number in "…layers.4.…" or "blk.4.…"; -1: none.
int layer_of(Naming naming, std::string_view name) {
  const std::string_view mark = naming == Naming::kGguf ? "blk." : "layers.";
  const size_t at = name.find(mark);
  if (at == std::string_view::npos || (at > 0 && name[at - 1] != '.')) return -1;
  const std::string_view rest = name.substr(at + mark.size());
  int layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  const bool is_whole = error == std::errc() && end != rest.data() + rest.size() && *end == '.';
  return is_whole ? layer : -1;
}

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

CheckedTensors check_tensors(const ModelDescription& model, const TensorTable& table) {
  return Checker(model, table).run();
}

bool is_ignored_tensor(const ModelDescription& model, const TensorTable& table, std::string_view name) {
  if (is_of_another_modality(name) || name.ends_with(".rotary_emb.inv_freq")) return true;
  for (const std::string_view part : model.architecture->ignored)
    if (name.find(part) != std::string_view::npos) return true;
  // Layers behind the last predict further tokens; they have tensors that other layers have not.
  if (layer_of(table.naming(), name) >= model.depth_with_mtp()) return true;
  const auto key = table.names().parse(table.naming(), name);
  return key && model.tied_head && key->role == Role::kHead;
}

bool uses_hf_tensor(const ModelDescription& model, std::string_view name) {
  std::string weight(name);
  if (is_group_part(name)) weight.replace(name.rfind('.'), std::string::npos, ".weight");
  const auto key = model.architecture->tensor_names().parse(Naming::kHuggingFace, weight);
  if (!key || key->layer >= model.depth() || key->expert >= model.experts()) return false;
  if (key->role == Role::kHead) return !model.tied_head && !key->is_bias;
  return true;
}

void settle_tied_head(ModelDescription& model, TensorTable& table) {
  if (!model.tied_head) return;
  const HostTensor* embedding = table.find({Role::kEmbedding});
  const HostTensor* head = table.find({Role::kHead});
  if (!head && embedding && table.find({Role::kHead, -1, -1, true})) {
    // The bias is the head's own: only the matrix is shared (ERNIE with use_bias).
    table.add_role(*embedding, {Role::kHead});
    model.tied_head = false;
    return;
  }
  if (!head) return;
  if (!embedding) return table.add_role(*head, {Role::kEmbedding});
  if (has_same_values(*embedding, *head)) return;
  model.tied_head = false;
  log::warn(
      "{}: tie_word_embeddings is true, but {} and {} are stored with different values; they are not tied",
      table.source(), in_quotes(embedding->name), in_quotes(head->name));
}

namespace {

// Names of Qwen's heads, without "mtp."; the usual ones follow those of a layer behind the last.
struct MtpName {
  std::string_view name;
  Role role;
};
constexpr MtpName kMtpNames[] = {{"fc.weight", Role::kMtpProjection},
                                 {"pre_fc_norm_embedding.weight", Role::kMtpEmbeddingNorm},
                                 {"pre_fc_norm_hidden.weight", Role::kMtpHiddenNorm},
                                 {"norm.weight", Role::kMtpNorm},
                                 {"embed_tokens.weight", Role::kMtpEmbedding},
                                 {"lm_head.weight", Role::kMtpHead}};

std::optional<TensorKey> mtp_key(const TensorTable& table, std::string_view name, int depth) {
  for (const MtpName& own : kMtpNames)
    if (name == own.name) return TensorKey{own.role, depth};
  constexpr std::string_view kLayer = "layers.0.";
  if (!name.starts_with(kLayer)) return std::nullopt;
  return table.names().parse(Naming::kHuggingFace,
                             fmt::format("model.layers.{}.{}", depth, name.substr(kLayer.size())));
}

void name_mtp_tensors(const ModelDescription& model, TensorTable& table) {
  for (const HostTensor& tensor : table.all()) {
    std::string_view name = tensor.name;
    if (name.starts_with("model.")) name.remove_prefix(6);
    if (!name.starts_with("mtp.")) continue;
    const auto key = mtp_key(table, name.substr(4), model.depth());
    if (key && !table.find(*key)) table.add_role(tensor, *key);
  }
}

// It is as the last of the layers that attend, and has experts where any of these has.
LayerDescription mtp_layer(const ModelDescription& model) {
  const auto last = [&](const auto& is_wanted) {
    const auto found = std::find_if(model.layers.rbegin(), model.layers.rend(), is_wanted);
    return found == model.layers.rend() ? model.layers.back() : *found;
  };
  LayerDescription layer = last([](const LayerDescription& l) { return l.attention.q_heads > 0; });
  layer.feed_forward =
      last([](const LayerDescription& l) { return l.feed_forward.experts > 0; }).feed_forward;
  return layer;
}

// Whether the tensor is there and no copy of the model's own.
bool is_own(const TensorTable& table, const TensorKey& key, const HostTensor* model_own) {
  const HostTensor* tensor = table.find(key);
  return tensor && !(model_own && has_same_values(*tensor, *model_own));
}

}  // namespace

void describe_mtp(CheckpointParts::Wish wish, ModelDescription& model, TensorTable& table) {
  const bool if_known = wish == CheckpointParts::Wish::kIfKnown;
  if (wish == CheckpointParts::Wish::kLeaveOut || (if_known && !model.architecture->has_mtp)) return;
  const int depth = model.depth();
  if (table.naming() == Naming::kHuggingFace) name_mtp_tensors(model, table);
  if (!table.find({Role::kMtpProjection, depth})) {
    if (if_known) return;
    fail(ErrorCode::kBadArgument, "{}: the checkpoint has no head that predicts further tokens (MTP)",
         table.source());
  }
  const HostTensor* embedding = table.find({Role::kEmbedding});
  const HostTensor* head = model.tied_head ? embedding : table.find({Role::kHead});
  model.mtp = {.layer = mtp_layer(model),
               .own_embedding = is_own(table, {Role::kMtpEmbedding, depth}, embedding),
               .own_head = is_own(table, {Role::kMtpHead, depth}, head)};
}

void tell_unused_tensors(const std::vector<std::string>& unused, const std::string& source) {
  if (!unused.empty()) log::warn("{}: not used by the text model: {}", source, shortened(unused));
}

}  // namespace ferrum
