#include "checkpoint/safetensors/packed_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "checkpoint/safetensors/group_rows.h"
#include "checkpoint/safetensors/parts.h"
#include "tensor/formats/blocks.h"
#include "tensor/half.h"

namespace ferrum {
namespace {

using formats::kSmallBlock;

constexpr int kPerWord = 8;
constexpr int kMiddle = 8;
constexpr std::string_view kPacked = ".weight_packed";
constexpr std::array<std::string_view, 5> kSuffixes = {kPacked, ".weight_scale", ".weight_zero_point",
                                                       ".weight_g_idx", ".weight_shape"};

// The integer at `index` of words of eight.
int integer_at(const std::byte* words, int64_t index) {
  const int both = std::to_integer<int>(words[index / 2]);
  return index % 2 == 0 ? both & 15 : both >> 4;
}

class PackedRows final : public RowMaker {
 public:
  struct Parts {
    std::span<const std::byte> packed, scales, zeros;  // zeros empty: none
    Format scale_format = Format::kF16;
    int64_t cols = 0;
    int64_t groups = 0;  // of a row
    std::shared_ptr<const ColumnOrder> order;
  };

  explicit PackedRows(Parts parts)
      : parts_(std::move(parts)), format_(group_format(parts_.cols / parts_.groups)) {}

  Format format() const { return format_; }

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const int block = traits(format_).block_values;
    for (int64_t row = first; row < first + count; ++row)
      for (int64_t col = 0; col < parts_.cols; col += block) out = make_block(row, col, block, out);
  }
  std::vector<std::span<const std::byte>> stored() const override {
    return {parts_.packed, parts_.scales, parts_.zeros};
  }

 private:
  // As BlockG4: scale, zero point, and 16 bytes for every 32 columns.
  std::byte* make_block(int64_t row, int64_t col, int block, std::byte* out) const {
    const int64_t group = col / (parts_.cols / parts_.groups);
    const uint16_t scale = scale_at(row * parts_.groups + group);
    std::memcpy(out, &scale, sizeof scale);
    out += sizeof scale;
    *out++ = std::byte(zero_at(row, group));
    const std::byte* words = parts_.packed.data() + row * parts_.cols / 2;
    for (int64_t begin = col; begin < col + block; begin += kSmallBlock)
      for (int j = 0; j < kSmallBlock / 2; ++j)
        *out++ = std::byte(integer_at(words, column(begin + j)) |
                           integer_at(words, column(begin + j + kSmallBlock / 2)) << 4);
    return out;
  }

  int64_t column(int64_t i) const { return parts_.order ? (*parts_.order)[static_cast<size_t>(i)] : i; }

  uint16_t scale_at(int64_t index) const {
    float value = 0;
    const FormatTraits& format = traits(parts_.scale_format);
    format.decode(parts_.scales.data() + index * format.block_bytes, &value, 1);
    return f16_from_float(value);
  }

  int zero_at(int64_t row, int64_t group) const {
    if (parts_.zeros.empty()) return kMiddle;
    const std::byte* word = parts_.zeros.data() + (row / kPerWord * parts_.groups + group) * 4;
    return integer_at(word, row % kPerWord);
  }

  Parts parts_;
  Format format_;
};

using Files = std::vector<std::unique_ptr<SafetensorsFile>>;

// One linear layer.
class Module {
 public:
  Module(const Files& files, FoundPart packed)
      : packed_(packed), name_(packed.entry->name.substr(0, packed.entry->name.size() - kPacked.size())) {
    for (size_t i = 1; i < kSuffixes.size(); ++i)
      others_[i] = find_part(files, name_ + std::string(kSuffixes[i]));
  }

  HostTensor tensor() {
    const std::vector<int64_t>& shape = packed_.entry->shape;
    check_type(packed_, {"I32"});
    if (shape.size() != 2 || packed_.entry->elements() == 0)
      fail(ErrorCode::kBadFile, "{} has shape {}; packed weights are [rows, words of 8 columns]",
           packed_.place(), shape_text(shape));
    rows_ = shape[0];
    cols_ = shape[1] * kPerWord;
    check_said_shape();
    const FoundPart& scales = others_[1];
    if (scales.entry == nullptr)
      fail(ErrorCode::kBadFile, "{} has no {} beside it", packed_.place(),
           in_quotes(name_ + std::string(kSuffixes[1])));
    check_type(scales, {"F16", "BF16", "F32"});
    const std::vector<int64_t>& of_scales = scales.entry->shape;
    if (of_scales.size() != 2 || of_scales[0] != rows_ || of_scales[1] == 0 || cols_ % of_scales[1] != 0)
      fail(ErrorCode::kBadFile, "{} has shape {}; weights of {} rows and {} columns have scales [{}, groups]",
           scales.place(), shape_text(of_scales), rows_, cols_, rows_);
    groups_ = of_scales[1];
    if (cols_ / groups_ % kSmallBlock != 0)
      fail(ErrorCode::kUnsupported, "{} has groups of {} columns; Ferrum reads groups of {} and multiples",
           packed_.place(), cols_ / groups_, kSmallBlock);
    auto order = read_order();
    auto maker = std::make_shared<PackedRows>(PackedRows::Parts{.packed = packed_.entry->bytes,
                                                                .scales = scales.entry->bytes,
                                                                .zeros = zeros(),
                                                                .scale_format = *scales.entry->type->format,
                                                                .cols = cols_,
                                                                .groups = groups_,
                                                                .order = order});
    const Format format = maker->format();
    return {name_ + ".weight", format, {rows_, cols_}, {}, std::move(maker), std::move(order)};
  }

 private:
  static void check_type(const FoundPart& part, std::initializer_list<std::string_view> types) {
    if (std::ranges::find(types, part.entry->type->name) == types.end())
      fail(ErrorCode::kUnsupported, "{} is of dtype {}; packed weights have {} there", part.place(),
           part.entry->type->name, fmt::join(types, " or "));
  }

  void check_said_shape() const {
    const FoundPart& said = others_[4];
    if (said.entry == nullptr) return;
    check_type(said, {"I64", "I32"});
    const std::vector<int64_t> shape = said.file->integers(said.entry->name);
    if (shape != std::vector{rows_, cols_})
      fail(ErrorCode::kUnsupported, "{} says {}, but {} has {} rows of {} columns", said.place(),
           shape_text(shape), in_quotes(packed_.entry->name), rows_, cols_);
  }

  std::span<const std::byte> zeros() const {
    const FoundPart& part = others_[2];
    if (part.entry == nullptr) return {};
    check_type(part, {"I32"});
    const std::vector<int64_t> shape = {(rows_ + kPerWord - 1) / kPerWord, groups_};
    if (part.entry->shape != shape)
      fail(ErrorCode::kBadFile, "{} has shape {}; {} demands {}", part.place(), shape_text(part.entry->shape),
           in_quotes(packed_.entry->name), shape_text(shape));
    return part.entry->bytes;
  }

  // Columns by their group, those of a group in their own order; null where they lie so already.
  std::shared_ptr<const ColumnOrder> read_order() const {
    const FoundPart& part = others_[3];
    if (part.entry == nullptr) return nullptr;
    check_type(part, {"I32", "I64"});
    const std::vector<int64_t> group_of = part.file->integers(part.entry->name);
    if (std::ranges::all_of(group_of, [](int64_t group) { return group == -1; })) return nullptr;
    std::vector<int64_t> sizes(static_cast<size_t>(groups_));
    for (const int64_t group : group_of)
      if (group >= 0 && group < groups_) ++sizes[static_cast<size_t>(group)];
    if (static_cast<int64_t>(group_of.size()) != cols_ ||
        std::ranges::any_of(sizes, [&](int64_t size) { return size != cols_ / groups_; }))
      fail(ErrorCode::kBadFile, "{} does not divide the {} columns into {} groups of the same size",
           part.place(), cols_, groups_);
    ColumnOrder order(static_cast<size_t>(cols_));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {},
                             [&](int32_t column) { return group_of[static_cast<size_t>(column)]; });
    return std::ranges::is_sorted(order) ? nullptr : std::make_shared<const ColumnOrder>(std::move(order));
  }

  FoundPart packed_;
  std::string name_;
  std::array<FoundPart, kSuffixes.size()> others_;
  int64_t rows_ = 0, cols_ = 0, groups_ = 0;
};

}  // namespace

bool is_packed_quantization(const JsonView& fields) {
  const std::string method = to_lower(fields.string_or("quant_method", ""));
  if (method != "compressed-tensors" && method != "compressed_tensors") return false;
  if (fields.string_or("format", "") != "pack-quantized") return false;
  const auto groups = fields.find("config_groups");
  if (!groups || !groups->is_object()) return true;
  for (const auto& [name, group] : groups->value().items()) {
    const auto weights = groups->at(name).find("weights");
    if (!weights || !weights->is_object()) continue;
    const std::string type = weights->string_or("type", "int");
    const int bits = weights->find_integer("num_bits").value_or(4);
    if (type != "int" || bits != 4)
      fail(ErrorCode::kUnsupported, "{} is {} of {} bits; of packed weights Ferrum reads integers of 4 bits",
           groups->at(name).place("weights"), in_quotes(type), bits);
  }
  return true;
}

bool is_packed_part(std::string_view name) {
  return std::ranges::any_of(kSuffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
}

std::vector<HostTensor> packed_tensors(const Files& files) {
  std::vector<HostTensor> tensors;
  for (const auto& file : files)
    for (const SafetensorsEntry& entry : file->entries())
      if (entry.name.ends_with(kPacked)) tensors.push_back(Module(files, {file.get(), &entry}).tensor());
  return tensors;
}

}  // namespace ferrum
