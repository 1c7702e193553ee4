#include "checkpoint/writers/tensor_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/gguf/gguf_order.h"
#include "checkpoint/tensor_plan.h"
#include "checkpoint/writers/weight_factors.h"
#include "tensor/formats/encode.h"

namespace ferrum {
namespace {

using Role = TensorRole;

constexpr float kLargestF16 = 65504;

// A tensor that some checkpoints store as a part of a larger one, and where it begins there.
struct FusedPart {
  Role whole;
  int64_t first_row = 0;
  int64_t rows_of_whole = 0;
};
std::optional<FusedPart> fused_part(const ModelDescription& m, const TensorKey& key) {
  const std::vector<PlannedTensor> plan = tensors_of(m);
  const auto self = std::ranges::find_if(plan, [&](const PlannedTensor& p) { return p.key == key; });
  if (self == plan.end() || self->fused == Role::kEmbedding) return std::nullopt;
  FusedPart found = {self->fused};
  for (auto p = plan.begin(); p != plan.end(); ++p) {
    if (p->fused != self->fused || p->key.layer != key.layer || p->key.is_bias != key.is_bias) continue;
    const int64_t rows = p->shape[p->shape.size() - (key.is_bias ? 1 : 2)];
    if (p < self) found.first_row += rows;
    found.rows_of_whole += rows;
  }
  return found;
}

// Folders have these in one dimension, whatever GGUF has.
bool is_list(Role role) { return role == Role::kDecay || role == Role::kSkip || role == Role::kMixerNorm; }

// Of a norm of heads that has no weight in folders: 1, and for q the factor that the attention's scale has
// beyond the usual. 0: the tensor is no such norm.
float weight_of_weightless(const ModelDescription& m, const TensorKey& key) {
  if (key.role != Role::kQueryNorm && key.role != Role::kKeyNorm) return 0;
  const AttentionDescription& a = m.layer(key.layer).attention;
  if (a.norm != HeadNorm::kWeightless) return 0;
  return key.role == Role::kKeyNorm ? 1 : a.scale * std::sqrt(static_cast<float>(a.head_dim));
}

}  // namespace

void encode_values(const std::string& name, std::span<const float> values, Format format,
                   std::span<std::byte> out) {
  const bool quantised = !is_float(format);
  for (const float value : values) {
    if (quantised && !std::isfinite(value))
      fail(ErrorCode::kBadFile, "tensor {}: has the value {}, which {} cannot hold", in_quotes(name), value,
           name_of(format));
    if (format == Format::kF16 && std::isfinite(value) && std::abs(value) > kLargestF16)
      fail(ErrorCode::kBadFile, "tensor {}: has the value {}, which F16 cannot hold; BF16 can",
           in_quotes(name), value);
  }
  formats::encode(format, values, out.data());
}

void encode_rows(const HostTensor& tensor, int64_t first_row, Format format, std::span<std::byte> out) {
  const auto cols = static_cast<size_t>(tensor.cols());
  const size_t bytes = row_bytes(format, cols);
  const auto rows = static_cast<int64_t>(out.size() / bytes);
  if (tensor.format == format && tensor.column_order == nullptr) {
    if (tensor.maker) return tensor.maker->make(first_row, rows, out.data());
    std::memcpy(out.data(), tensor.row(first_row).data(), out.size());
    return;
  }
  constexpr int64_t kTogether = 16;  // as rows are made fastest
  std::vector<float> values(static_cast<size_t>(kTogether) * cols);
  for (int64_t row = 0; row < rows; row += kTogether) {
    const int64_t count = std::min(kTogether, rows - row);
    decode_rows(tensor, first_row + row, count, values.data());
    encode_values(tensor.name, std::span(values).first(static_cast<size_t>(count) * cols), format,
                  out.subspan(static_cast<size_t>(row) * bytes, static_cast<size_t>(count) * bytes));
  }
}

TensorRows::TensorRows(const Checkpoint& checkpoint, const GgufLayoutTensor& target)
    : name_(target.name),
      cols_(target.shape.back()),
      rows_(target.shape.size() < 2 ? target.shape.back() : target.shape[target.shape.size() - 2]),
      elements_(target.elements()) {
  const ModelDescription& model = checkpoint.model();
  const Role role = target.key.role;
  GgufOrder order = gguf_order(
      model, target.key, stores_interleaved(model) ? FolderRotates::kHalves : FolderRotates::kNeighbours);
  row_order_ = std::move(order.rows);
  column_order_ = std::move(order.columns);
  factors_ = row_factors(model, target.key, rows_);
  if (target.shape.size() == 1 || is_list(role))
    find_vector(checkpoint, target.key);
  else if (target.key.is_bias)
    find_expert_biases(checkpoint, target.key, target.shape.front());
  else
    find_sources(checkpoint, target.key);
}

void TensorRows::find_sources(const Checkpoint& checkpoint, TensorKey key) {
  source_rows_ = rows_;
  // A head that is tied in the folder only.
  if (key.role == Role::kHead && checkpoint.find(key) == nullptr) key = {Role::kEmbedding};
  // Files begin with the position of a text's first token.
  const auto& encoder = checkpoint.model().encoder;
  if (key.role == Role::kPositionEmbedding && encoder) first_row_ = encoder->first_position;
  if (const HostTensor* whole = checkpoint.find(key)) {
    sources_ = {whole};
  } else if (!find_fused(checkpoint, key)) {
    for (key.expert = 0; key.expert < checkpoint.model().experts(); ++key.expert) {
      sources_.push_back(checkpoint.find(key));
      check(sources_.back() != nullptr, name_);
    }
    check(!sources_.empty(), name_);
  }
}

bool TensorRows::find_fused(const Checkpoint& checkpoint, const TensorKey& key) {
  const auto part = fused_part(checkpoint.model(), key);
  if (!part) return false;
  const HostTensor* whole = checkpoint.find({part->whole, key.layer, -1, key.is_bias});
  if (whole == nullptr) return false;
  sources_ = {whole};
  first_row_ = part->first_row;
  source_rows_ = part->rows_of_whole;
  return true;
}

// [experts, rows]: in one tensor, as columns of a fused one, or in a tensor for each expert.
void TensorRows::find_expert_biases(const Checkpoint& checkpoint, TensorKey key, int64_t experts) {
  const auto append = [this](const std::vector<float>& row, size_t first) {
    const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first);
    values_.insert(values_.end(), begin, begin + cols_);
  };
  const HostTensor* all = checkpoint.find(key);
  int64_t first = 0;
  int64_t width = cols_;
  if (const auto part = all ? std::nullopt : fused_part(checkpoint.model(), key)) {
    all = checkpoint.find({part->whole, key.layer, -1, true});
    first = part->first_row;
    width = part->rows_of_whole;
  }
  if (all) {
    const std::vector<float> values = decoded(*all);
    check_equal(values.size(), static_cast<size_t>(experts * width), name_);
    for (int64_t e = 0; e < experts; ++e) append(values, static_cast<size_t>(e * width + first));
    return;
  }
  for (key.expert = 0; key.expert < experts; ++key.expert) {
    const HostTensor* one = checkpoint.find(key);
    check(one != nullptr, name_);
    append(decoded(*one), 0);
  }
}

void TensorRows::find_vector(const Checkpoint& checkpoint, const TensorKey& key) {
  const RopeDescription& rope = checkpoint.model().rope;
  if (key.role == Role::kRopeFrequencies) {
    values_ = rope_divisors(rope);
  } else if (key.role == Role::kRopeFactorsLong) {
    values_ = rope.scaling.long_factors;
  } else if (key.role == Role::kRopeFactorsShort) {
    values_ = rope.scaling.short_factors;
  } else if (const float weight = weight_of_weightless(checkpoint.model(), key); weight != 0) {
    values_.assign(static_cast<size_t>(elements_), weight);
  } else {
    if (const HostTensor* whole = checkpoint.find(key))
      sources_ = {whole};
    else
      check(find_fused(checkpoint, key), name_);
    const std::vector<float> all = decoded(*sources_.front());
    for (int64_t i = 0; i < elements_; ++i)
      values_.push_back(all[static_cast<size_t>(first_row_ + permuted(i))]);
    for (size_t i = 0; i < factors_.size(); ++i) values_[i] *= factors_[i];
    const ModelDescription& m = checkpoint.model();
    if (key.role == Role::kDecay && (m.delta.decay_is_log || m.state_space.decay_is_log))
      for (float& value : values_) value = -std::exp(value);
    if (is_stored_minus_one(m, key))
      for (float& value : values_) value += 1;
  }
  check_equal(values_.size(), static_cast<size_t>(elements_), name_);
}

bool TensorRows::needs_more_digits() const {
  return std::ranges::any_of(factors_, [](float factor) {
    int exponent = 0;
    return std::abs(std::frexp(factor, &exponent)) != 0.5F;
  });
}

int64_t TensorRows::permuted(int64_t row) const {
  return row_order_.empty() ? row : row_order_[static_cast<size_t>(row)];
}

TensorRows::Row TensorRows::source_of(int64_t row) const {
  const int64_t matrix = row / rows_;
  const int64_t index = first_row_ + permuted(row % rows_);
  if (sources_.size() == 1) return {sources_.front(), matrix * source_rows_ + index};
  return {sources_[static_cast<size_t>(matrix)], index};
}

void TensorRows::encode(int64_t first_row, Format format, std::span<std::byte> out) const {
  if (!values_.empty()) {
    const auto first = static_cast<size_t>(first_row * cols_);
    const size_t count = out.size() / row_bytes(format, 1);
    return formats::encode(format, std::span(values_).subspan(first, count), out.data());
  }
  const size_t bytes = row_bytes(format, static_cast<size_t>(cols_));
  std::vector<float> decoded(static_cast<size_t>(cols_));
  for (size_t at = 0; at < out.size(); at += bytes, ++first_row)
    encode_row(source_of(first_row), factors_.empty() ? 1 : factors_[static_cast<size_t>(first_row)], format,
               out.subspan(at, bytes), decoded);
}

void TensorRows::encode_row(const Row& row, float factor, Format format, std::span<std::byte> out,
                            std::vector<float>& decoded) const {
  if (row.tensor->format == format && column_order_.empty() && factor == 1) {
    if (row.tensor->maker) return row.tensor->maker->make(row.index, 1, out.data());
    const std::span<const std::byte> bytes = row.tensor->row(row.index);
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return;
  }
  decode_rows(*row.tensor, row.index, 1, decoded.data());
  if (!column_order_.empty()) {
    const std::vector<float> stored = decoded;
    for (size_t i = 0; i < decoded.size(); ++i) decoded[i] = stored[static_cast<size_t>(column_order_[i])];
  }
  if (factor != 1)
    for (float& value : decoded) value *= factor;
  encode_values(row.tensor->name, decoded, format, out);
}

}  // namespace ferrum
