#include "checkpoint/latent_tensors.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "base/error.h"
#include "checkpoint/architecture.h"
#include "checkpoint/row_views.h"

namespace ferrum {
namespace {

using Role = TensorRole;

// Of the first `count` rows of each `step` rows of a matrix, the columns. Row h × cols + c of the result is
// column c of run h.
class TransposedRuns final : public RowMaker {
 public:
  TransposedRuns(HostTensor source, int64_t step, int64_t count)
      : source_(std::move(source)), step_(step), count_(count) {}

  // The requested rows lie in one run, or in a few: each is read once.
  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int64_t cols = source_.cols();
    for (int64_t done = 0; done < count;) {
      const int64_t column = (first + done) % cols;
      const int64_t together = std::min(count - done, cols - column);
      make_columns((first + done) / cols * step_, column, together, out);
      out += together * count_ * size();
      done += together;
    }
  }
  std::vector<std::span<const std::byte>> stored() const override {
    return source_.maker ? source_.maker->stored() : std::vector{source_.bytes};
  }

  Format format() const { return is_plain() ? source_.format : Format::kF32; }

 private:
  bool is_plain() const { return is_float(source_.format) && !source_.maker; }
  int64_t size() const { return static_cast<int64_t>(row_bytes(format(), 1)); }

  void make_columns(int64_t row, int64_t column, int64_t columns, std::byte* out) const {
    std::vector<float> decoded(is_plain() ? 0 : static_cast<size_t>(source_.cols()));
    for (int64_t r = 0; r < count_; ++r) {
      if (!is_plain()) decode_rows(source_, row + r, 1, decoded.data());
      const std::byte* from =
          is_plain() ? source_.row(row + r).data() : reinterpret_cast<const std::byte*>(decoded.data());
      for (int64_t c = 0; c < columns; ++c)
        std::memcpy(out + (c * count_ + r) * size(), from + (column + c) * size(),
                    static_cast<size_t>(size()));
    }
  }

  HostTensor source_;
  int64_t step_, count_;
};

HostTensor keys_of(const HostTensor& both, const AttentionDescription& a) {
  const auto maker =
      std::make_shared<TransposedRuns>(both, int64_t{a.plain_dim()} + a.value_dim, a.plain_dim());
  return {.name = {},
          .format = maker->format(),
          .shape = {a.q_heads, a.latent, a.plain_dim()},
          .bytes = {},
          .maker = maker};
}

HostTensor values_of(const HostTensor& both, const AttentionDescription& a) {
  std::vector<int64_t> rows;
  for (int64_t head = 0; head < a.q_heads; ++head)
    for (int64_t row = 0; row < a.value_dim; ++row)
      rows.push_back(head * (a.plain_dim() + a.value_dim) + a.plain_dim() + row);
  HostTensor values = selected_rows(both, std::move(rows));
  values.shape = {a.q_heads, a.value_dim, a.latent};
  return values;
}

}  // namespace

void split_latent(std::vector<HostTensor>& tensors, const ModelDescription& model, Naming naming) {
  const AttentionDescription& a = model.first_attention();
  if (a.latent == 0) return;
  const NameTable names = model.architecture->tensor_names();
  std::vector<HostTensor> split;
  for (HostTensor& tensor : tensors) {
    const auto key = names.parse(naming, tensor.name);
    if (!key || key->role != Role::kLatentUp || key->is_bias) {
      split.push_back(std::move(tensor));
      continue;
    }
    const std::vector<int64_t> shape = {int64_t{a.q_heads} * (a.plain_dim() + a.value_dim), a.latent};
    if (tensor.shape != shape)
      fail(ErrorCode::kBadConfig, "tensor {} has shape [{}], but the model's description demands [{}]",
           in_quotes(tensor.name), fmt::join(tensor.shape, ", "), fmt::join(shape, ", "));
    split.push_back(keys_of(tensor, a));
    split.back().name = names.name(naming, {Role::kKeyUp, key->layer});
    split.push_back(values_of(tensor, a));
    split.back().name = names.name(naming, {Role::kValueUp, key->layer});
  }
  tensors = std::move(split);
}

}  // namespace ferrum
