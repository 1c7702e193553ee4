#include "checkpoint/adapters/adapter_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/gguf/gguf_order.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {
namespace {

DType stored_type(Format a, Format b) {
  if (a == Format::kF16 && b == Format::kF16) return DType::kF16;
  if (a == Format::kBF16 && b == Format::kBF16) return DType::kBF16;
  return DType::kF32;
}

// Row i of the result is row order[i]; with `inverse`, row order[i] is row i.
std::vector<float> reordered_rows(const std::vector<float>& values, const std::vector<int64_t>& order,
                                  bool inverse) {
  if (order.empty()) return values;
  const auto cols = static_cast<int64_t>(values.size() / order.size());
  std::vector<float> result(values.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t from = inverse ? static_cast<int64_t>(i) : order[i];
    const int64_t to = inverse ? order[i] : static_cast<int64_t>(i);
    std::copy_n(values.begin() + from * cols, cols, result.begin() + to * cols);
  }
  return result;
}

std::vector<float> transposed_values(const std::vector<float>& values, int64_t rows, int64_t cols) {
  std::vector<float> result(values.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c)
      result[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * cols + c)];
  return result;
}

}  // namespace

AdapterMatrix adapter_matrix(const HostTensor& tensor, const std::string& source) {
  if (tensor.shape.size() != 2 || tensor.elements() == 0)
    fail(ErrorCode::kBadFile, "{}: {} has the shape [{}]; a matrix is needed", source, in_quotes(tensor.name),
         fmt::join(tensor.shape, ", "));
  AdapterMatrix matrix = {tensor.name, tensor.rows(), tensor.cols(), tensor.format, decoded(tensor)};
  if (!std::ranges::all_of(matrix.values, [](float v) { return std::isfinite(v); }))
    fail(ErrorCode::kBadFile, "{}: {} has values that are not finite", source, in_quotes(tensor.name));
  return matrix;
}

AdapterMatrix transposed(const AdapterMatrix& m) {
  return {m.name, m.cols, m.rows, m.format, transposed_values(m.values, m.rows, m.cols)};
}

AdapterBuilder::AdapterBuilder(std::string source, Naming naming, const Checkpoint& base)
    : base_(base), naming_(naming), names_(base.model().architecture->tensor_names()) {
  adapter_.source = std::move(source);
  if (naming != base.naming() && base.model().architecture->gguf_has_factors_in_weights)
    fail(
        ErrorCode::kUnsupported,
        "{}: GGUF files of {} have factors in their weights that folders keep apart; Ferrum runs adapters of "
        "this architecture with a base of the same kind of file",
        adapter_.source, base.model().architecture->name);
}

std::optional<TensorKey> AdapterBuilder::key_of(std::string_view name) {
  const std::string weight = std::string(name) + ".weight";
  if (const auto key = names_.parse(naming_, weight)) return key;
  if (is_of_another_modality(weight)) {
    left_out_.push_back(weight);
    return std::nullopt;
  }
  fail(ErrorCode::kUnsupported, "{}: the adapter changes {}, which {} does not have", adapter_.source,
       in_quotes(weight), base_.model().name);
}

AdapterBuilder::Shape AdapterBuilder::shape_of(const TensorKey& key, const std::string& name) const {
  if (key.role == TensorRole::kHead && base_.model().tied_head)
    return shape_of({TensorRole::kEmbedding}, name);
  if (key.role == TensorRole::kLatentUp) {  // split when a checkpoint is read
    const AttentionDescription& a = base_.model().layer(key.layer).attention;
    if (a.latent > 0) return {int64_t{a.q_heads} * (a.plain_dim() + a.value_dim), a.latent, 0};
  }
  Shape found;
  for (const PlannedTensor& planned : tensors_of(base_.model())) {
    if (planned.key.is_bias || planned.key.layer != key.layer || planned.shape.size() < 2) continue;
    if (planned.key.role != key.role && (planned.fused != key.role || key.role == TensorRole::kEmbedding))
      continue;
    const size_t at = planned.shape.size() - 2;
    found.rows += planned.shape[at];
    found.cols = planned.shape[at + 1];
    found.experts = planned.shape.size() == 3 ? planned.shape[0] : 0;
  }
  if (found.rows == 0 || key.expert >= std::max<int64_t>(found.experts, 1))
    fail(ErrorCode::kUnsupported, "{}: the adapter changes {}, which is no matrix of {}", adapter_.source,
         in_quotes(name), base_.model().name);
  return found;
}

void AdapterBuilder::add(const TensorKey& key, AdapterMatrix a, AdapterMatrix b, float scale) {
  Shape shape = shape_of(key, a.name);
  if (is_table(key.role)) std::swap(shape.rows, shape.cols);
  if (a.cols != shape.cols || b.rows != shape.rows || a.rows != b.cols)
    fail(ErrorCode::kBadConfig,
         "{}: {} is [{}, {}] and {} [{}, {}]; the base's matrix [{}, {}] needs [rank, {}] and [{}, rank]",
         adapter_.source, in_quotes(a.name), a.rows, a.cols, in_quotes(b.name), b.rows, b.cols, shape.rows,
         shape.cols, shape.cols, shape.rows);
  if (!std::isfinite(scale))
    fail(ErrorCode::kBadConfig, "{}: the scale of {} is not finite", adapter_.source, in_quotes(a.name));
  const DType dtype = stored_type(a.format, b.format);
  LowRankChange change = {.key = key,
                          .name = std::move(a.name),
                          .rank = a.rows,
                          .scale = scale,
                          .dtype = dtype,
                          .a = std::move(a.values),
                          .b = std::move(b.values)};
  if (naming_ != base_.naming()) {
    require_known_order(key, change.name);
    const GgufOrder order = gguf_order(base_.model(), key, folder_rotates());
    const bool to_folder = naming_ == Naming::kGguf;
    change.b = reordered_rows(change.b, order.rows, to_folder);
    if (!order.columns.empty())
      change.a = transposed_values(
          reordered_rows(transposed_values(change.a, change.rank, shape.cols), order.columns, to_folder),
          shape.cols, change.rank);
  }
  adapter_.changes.push_back(std::move(change));
}

void AdapterBuilder::add_named(std::string_view name, const AdapterMatrix& a, const AdapterMatrix& b,
                               FunctionRef<float(int64_t rank)> scale) {
  std::vector<HostTensor> tensors = {{.name = std::string(name) + ".weight",
                                      .format = Format::kF32,
                                      .shape = {b.rows, b.cols},
                                      .bytes = std::as_bytes(std::span(b.values)),
                                      .maker = {}}};
  const ModelDescription& model = base_.model();
  if (model.architecture->adapt_hf != nullptr) model.architecture->adapt_hf(tensors, model);
  for (const HostTensor& tensor : tensors) {
    constexpr size_t kSuffix = std::string_view(".weight").size();
    const auto key = key_of(tensor.name.substr(0, tensor.name.size() - kSuffix));
    if (!key) continue;
    const AdapterMatrix rows = {b.name, tensor.rows(), b.cols, b.format, decoded(tensor)};
    const int64_t experts = shape_of(*key, a.name).experts;
    if (key->expert < 0 && experts > 0)
      add_experts(*key, a, rows, scale(a.rows / experts));
    else
      add(*key, a, rows, scale(a.rows));
  }
}

// A parameter [experts, in, out] is transposed when it is read, so that its rows follow from its columns.
AdapterMatrix AdapterBuilder::expert_rows(const std::string& name, AdapterMatrix b) const {
  const ModelDescription& model = base_.model();
  if (model.architecture->adapt_hf == nullptr) return b;
  const AdapterMatrix columns = transposed(b);
  std::vector<HostTensor> tensors = {{.name = name,
                                      .format = Format::kF32,
                                      .shape = {1, columns.rows, columns.cols},
                                      .bytes = std::as_bytes(std::span(columns.values)),
                                      .maker = {}}};
  model.architecture->adapt_hf(tensors, model);
  if (tensors.size() == 1 && tensors[0].maker != nullptr) b.values = decoded(tensors[0]);
  return b;
}

void AdapterBuilder::add_experts(const TensorKey& key, const AdapterMatrix& a, const AdapterMatrix& b,
                                 float scale) {
  const int64_t experts = shape_of(key, a.name).experts;
  if (experts == 0 || a.rows % experts != 0 || a.rows != b.cols)
    fail(ErrorCode::kBadConfig, "{}: {} is [{}, {}] and {} [{}, {}], which do not fit {} experts",
         adapter_.source, in_quotes(a.name), a.rows, a.cols, in_quotes(b.name), b.rows, b.cols, experts);
  const int64_t rank = a.rows / experts;
  for (int64_t e = 0; e < experts; ++e) {
    const auto first = a.values.begin() + e * rank * a.cols;
    AdapterMatrix one_a = {a.name, rank, a.cols, a.format, {first, first + rank * a.cols}};
    AdapterMatrix one_b = {b.name, b.rows, rank, b.format, {}};
    for (int64_t row = 0; row < b.rows; ++row)
      for (int64_t r = 0; r < rank; ++r)
        one_b.values.push_back(b.values[static_cast<size_t>(row * b.cols + r * experts + e)]);
    add({key.role, key.layer, static_cast<int>(e)}, std::move(one_a), std::move(one_b), scale);
  }
}

void AdapterBuilder::replace(const TensorKey& key, AdapterMatrix matrix) {
  const Shape shape = shape_of(key, matrix.name);
  if (key.role != TensorRole::kHead && key.role != TensorRole::kEmbedding)
    fail(ErrorCode::kUnsupported,
         "{}: the adapter stores {} whole; Ferrum replaces the embedding and the head only", adapter_.source,
         in_quotes(matrix.name));
  if (matrix.rows != shape.rows || matrix.cols != shape.cols)
    fail(ErrorCode::kBadConfig, "{}: {} is [{}, {}], the base's matrix [{}, {}]", adapter_.source,
         in_quotes(matrix.name), matrix.rows, matrix.cols, shape.rows, shape.cols);
  const HostTensor* own = find_own(key);
  std::vector<float> difference = std::move(matrix.values);
  const std::vector<float> before = decoded(*own);
  for (size_t i = 0; i < difference.size(); ++i) difference[i] -= before[i];
  adapter_.whole.push_back({key, std::move(matrix.name), std::move(difference)});
}

const HostTensor* AdapterBuilder::find_own(const TensorKey& key) const {
  const HostTensor* own = base_.find(key);
  if (own == nullptr && key.role == TensorRole::kHead) own = base_.find({TensorRole::kEmbedding});
  return own;
}

// Converters permute q and k of some models that rotate nothing (Nemotron-H), and others do not: their files
// compute the same without an adapter, and nothing in them tells.
void AdapterBuilder::require_known_order(const TensorKey& key, const std::string& name) const {
  const ModelDescription& model = base_.model();
  if (model.architecture->gguf_interleaved || model.first_attention().latent > 0) return;
  if (key.role != TensorRole::kQuery && key.role != TensorRole::kKey) return;
  const auto rotates = [](const LayerDescription& l) {
    return l.attends() && l.attention.rope != LayerRope::kNone;
  };
  if (std::ranges::none_of(model.layers, rotates))
    fail(ErrorCode::kUnsupported,
         "{}: the adapter changes {}, whose rows GGUF files of {} may have in another order: there the base "
         "must "
         "be of the adapter's kind of file",
         adapter_.source, in_quotes(name), model.architecture->name);
}

FolderRotates AdapterBuilder::folder_rotates() const {
  const ModelDescription& model = base_.model();
  const bool neighbours =
      base_.naming() == Naming::kHuggingFace ? model.rope.interleaved : model.architecture->hf_interleaved;
  return neighbours ? FolderRotates::kNeighbours : FolderRotates::kHalves;
}

bool AdapterBuilder::is_of_base(const TensorKey& key, const AdapterMatrix& matrix) const {
  const HostTensor* own = find_own(key);
  return own != nullptr && own->rows() == matrix.rows && own->cols() == matrix.cols &&
         decoded(*own) == matrix.values;
}

Adapter AdapterBuilder::finish() {
  if (adapter_.changes.empty() && adapter_.whole.empty())
    fail(ErrorCode::kBadFile, "{}: the adapter changes nothing", adapter_.source);
  if (!left_out_.empty())
    log::warn("{}: {} tensors of another modality are left out, the first is {}", adapter_.source,
              left_out_.size(), in_quotes(left_out_.front()));
  Hasher128 hasher;
  const auto add_key = [&](const TensorKey& key) {
    hasher.add_value(static_cast<int>(key.role));
    hasher.add_value(key.layer);
    hasher.add_value(key.expert);
  };
  for (const LowRankChange& change : adapter_.changes) {
    add_key(change.key);
    hasher.add_value(change.rank);
    hasher.add_value(change.scale);
    hasher.add(std::as_bytes(std::span(change.a)));
    hasher.add(std::as_bytes(std::span(change.b)));
  }
  for (const WholeChange& change : adapter_.whole) {
    add_key(change.key);
    hasher.add(std::as_bytes(std::span(change.difference)));
  }
  adapter_.fingerprint = hasher.hash();
  return std::move(adapter_);
}

}  // namespace ferrum
