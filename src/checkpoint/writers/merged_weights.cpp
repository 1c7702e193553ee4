#include "checkpoint/writers/merged_weights.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {
namespace {

using Role = TensorRole;
using Numbers = std::shared_ptr<const std::vector<float>>;

// Of a matrix of `cols` columns, the transpose of rows [first, first + count).
Numbers transposed_rows(const std::vector<float>& values, int64_t cols, int64_t first, int64_t count) {
  auto result = std::make_shared<std::vector<float>>(static_cast<size_t>(count * cols));
  for (int64_t r = 0; r < count; ++r)
    for (int64_t c = 0; c < cols; ++c)
      (*result)[static_cast<size_t>(c * count + r)] = values[static_cast<size_t>((first + r) * cols + c)];
  return result;
}

class MergedRows final : public RowMaker {
 public:
  MergedRows(HostTensor base, std::vector<RowChange> changes)
      : base_(std::move(base)), changes_(std::move(changes)) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int64_t cols = base_.cols();
    std::vector<float> rows(static_cast<size_t>(count * cols));
    decode_rows(base_, first, count, rows.data());
    for (const RowChange& change : changes_) {
      const int64_t begin = std::max(first, change.first_row);
      const int64_t end = std::min(first + count, change.first_row + change.rows);
      for (int64_t row = begin; row < end; ++row)
        add(change, row - change.first_row, rows.data() + (row - first) * cols, cols);
    }
    std::memcpy(out, rows.data(), rows.size() * sizeof(float));
  }

  std::vector<std::span<const std::byte>> stored() const override {
    return base_.maker ? base_.maker->stored() : std::vector{base_.bytes};
  }

 private:
  static void add(const RowChange& change, int64_t row, float* out, int64_t cols) {
    const int64_t width = change.rank == 0 ? cols : change.rank;
    const float* const b = change.b->data() + (change.b_row + row) * width;
    if (change.rank == 0) {
      for (int64_t c = 0; c < cols; ++c) out[c] += change.scale * b[c];
      return;
    }
    for (int64_t r = 0; r < change.rank; ++r) {
      const float factor = change.scale * b[r];
      const float* const a = change.a->data() + r * cols;
      for (int64_t c = 0; c < cols; ++c) out[c] += factor * a[c];
    }
  }

  HostTensor base_;
  std::vector<RowChange> changes_;
};

HostTensor made(const HostTensor& base, std::vector<RowChange> changes) {
  return {.name = base.name,
          .format = Format::kF32,
          .shape = base.shape,
          .bytes = {},
          .maker = std::make_shared<MergedRows>(base, std::move(changes))};
}

int64_t rows_of(const PlannedTensor& planned) { return planned.shape[planned.shape.size() - 2]; }

bool is_matrix(const PlannedTensor& planned) { return !planned.key.is_bias && planned.shape.size() >= 2; }

}  // namespace

MergedWeights::MergedWeights(const ModelDescription& model, Find find)
    : model_(model), find_(std::move(find)) {}

HostTensor MergedWeights::merged(const HostTensor& tensor) const {
  const auto found = changes_.find(&tensor);
  return found == changes_.end() ? tensor : made(tensor, found->second);
}

std::optional<HostTensor> MergedWeights::new_head() const {
  if (!unties_head_ || find_({Role::kHead}) != nullptr) return std::nullopt;
  return made(*find_({Role::kEmbedding}), new_head_);
}

MergedWeights::Changes& MergedWeights::changes_of_head() {
  const HostTensor* own = find_({Role::kHead});
  return own != nullptr ? changes_[own] : new_head_;
}

void MergedWeights::add(const std::shared_ptr<const Adapter>& adapter, float scale) {
  for (const LowRankChange& change : adapter->changes) add_change(adapter, change, scale * change.scale);
  for (const WholeChange& change : adapter->whole) {
    const bool is_head = change.key.role == Role::kHead;
    const HostTensor* tensor = find_(model_.tied_head ? TensorKey{Role::kEmbedding} : change.key);
    if (tensor == nullptr)
      fail(ErrorCode::kUnsupported, "{}: {} cannot be merged: the base does not store this weight by itself",
           adapter->source, in_quotes(change.name));
    unties_head_ |= model_.tied_head;
    const RowChange rows = {
        .rows = tensor->rows(), .a = nullptr, .b = Numbers(adapter, &change.difference), .scale = scale};
    (is_head && model_.tied_head ? changes_of_head() : changes_[tensor]).push_back(rows);
  }
}

void MergedWeights::add_change(const std::shared_ptr<const Adapter>& adapter, const LowRankChange& change,
                               float scale) {
  const TensorKey& key = change.key;
  const int64_t cols = std::ssize(change.a) / change.rank;
  RowChange whole = {.rows = std::ssize(change.b) / change.rank,
                     .rank = change.rank,
                     .a = Numbers(adapter, &change.a),
                     .b = Numbers(adapter, &change.b),
                     .scale = scale};
  if (is_table(key.role)) {  // (B A)ᵀ = Aᵀ Bᵀ
    whole.a = transposed_rows(change.b, change.rank, 0, whole.rows);
    whole.b = transposed_rows(change.a, cols, 0, change.rank);
    whole.rows = cols;
  }
  if (model_.tied_head && (key.role == Role::kHead || key.role == Role::kEmbedding)) unties_head_ = true;
  if (model_.tied_head && key.role == Role::kHead) {
    changes_of_head().push_back(whole);
    return;
  }
  if (const HostTensor* tensor = find_(key)) {
    changes_[tensor].push_back(whole);
    return;
  }
  if (add_within_fused(key, whole) || add_to_parts(key, whole) || add_to_latent(change, whole)) return;
  fail(ErrorCode::kUnsupported,
       "{}: the change of {} cannot be merged: the base's files store this weight in another layout",
       adapter->source, in_quotes(change.name));
}

// One of several experts in one tensor, or a part of a tensor into which the files fuse several.
bool MergedWeights::add_within_fused(const TensorKey& key, const RowChange& whole) {
  int64_t before = 0;
  Role fused = key.role;
  for (const PlannedTensor& planned : tensors_of(model_)) {
    if (!is_matrix(planned) || planned.key.layer != key.layer || planned.key.role != key.role) continue;
    fused = planned.fused == Role::kEmbedding ? key.role : planned.fused;
  }
  if (fused != key.role)
    for (const PlannedTensor& planned : tensors_of(model_)) {
      if (!is_matrix(planned) || planned.key.layer != key.layer || planned.fused != fused) continue;
      if (planned.key.role == key.role) break;
      before += rows_of(planned);
    }
  for (const Role role : {key.role, fused})
    for (const int expert : {key.expert, -1}) {
      const HostTensor* tensor = find_({role, key.layer, expert});
      if (tensor == nullptr || tensor->shape.size() < 2) continue;
      const int64_t each = tensor->shape[tensor->shape.size() - 2];
      RowChange part = whole;
      part.first_row = (role == fused ? before : 0) + (expert < 0 && key.expert >= 0 ? key.expert * each : 0);
      if (tensor->cols() * part.rank != std::ssize(*part.a) || part.first_row + part.rows > tensor->rows())
        return false;
      changes_[tensor].push_back(part);
      return true;
    }
  return false;
}

// A change of a fused matrix whose parts the base has apart.
bool MergedWeights::add_to_parts(const TensorKey& key, const RowChange& whole) {
  std::vector<std::pair<TensorKey, RowChange>> parts;
  int64_t before = 0;
  for (const PlannedTensor& planned : tensors_of(model_)) {
    if (!is_matrix(planned) || planned.key.layer != key.layer || planned.fused != key.role ||
        key.role == Role::kEmbedding)
      continue;
    RowChange part = whole;
    part.b_row = before;
    part.rows = rows_of(planned);
    before += part.rows;
    parts.emplace_back(TensorKey{planned.key.role, key.layer, key.expert}, part);
  }
  if (parts.empty() || before != whole.rows) return false;
  for (const auto& [part_key, part] : parts)
    if (const HostTensor* tensor = find_(part_key))
      changes_[tensor].push_back(part);
    else if (!add_within_fused(part_key, part))
      return false;
  return true;
}

// Keys and values of latent attention, which files have in two tensors by head: the keys' transposed.
bool MergedWeights::add_to_latent(const LowRankChange& change, const RowChange& whole) {
  if (change.key.role != Role::kLatentUp) return false;
  const HostTensor* keys = find_({Role::kKeyUp, change.key.layer});
  const HostTensor* values = find_({Role::kValueUp, change.key.layer});
  if (keys == nullptr || values == nullptr) return false;
  const AttentionDescription& a = model_.layer(change.key.layer).attention;
  const int64_t plain = a.plain_dim(), value = a.value_dim;
  const Numbers across = transposed_rows(change.a, a.latent, 0, change.rank);
  for (int64_t head = 0; head < a.q_heads; ++head) {
    const int64_t row = head * (plain + value);
    RowChange of_keys = whole;
    of_keys.first_row = head * a.latent;
    of_keys.rows = a.latent;
    of_keys.a = transposed_rows(change.b, change.rank, row, plain);
    of_keys.b = across;
    changes_[keys].push_back(of_keys);
    RowChange of_values = whole;
    of_values.first_row = head * value;
    of_values.rows = value;
    of_values.b_row = row + plain;
    changes_[values].push_back(of_values);
  }
  return true;
}

}  // namespace ferrum
