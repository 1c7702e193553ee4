#include "checkpoint/safetensors/group_tensors.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>
#include <string>

#include "base/error.h"
#include "checkpoint/safetensors/group_rows.h"
#include "checkpoint/safetensors/parts.h"

namespace ferrum {
namespace {

constexpr int kPerWord = 8;
constexpr int kSmallestGroup = 32;

enum Part : uint8_t { kQuants, kZeros, kScales, kGroupIndex };
constexpr std::array<std::string_view, 4> kSuffixes = {".qweight", ".qzeros", ".scales", ".g_idx"};

// One linear layer.
class Module {
 public:
  Module(std::string name, const std::array<FoundPart, 4>& parts, const GroupQuantization& quantization)
      : name_(std::move(name)), parts_(parts), quantization_(quantization) {}

  HostTensor tensor() {
    require(kQuants);
    require(kScales);
    if (!quantization_.is_symmetric) require(kZeros);
    read_shape();
    check_part(kScales, {groups_, rows_}, {"F16", "BF16", "F32"});
    if (has(kZeros)) check_part(kZeros, {groups_, rows_ / kPerWord}, {"I32", "U32"});
    read_order();
    auto maker = std::make_shared<GroupRows>(GroupRows::Parts{
        .layout = quantization_.layout,
        .scale_format = *entry(kScales).type->format,
        .added_to_zeros = quantization_.added_to_zeros,
        .qweight = entry(kQuants).bytes,
        .qzeros = has(kZeros) ? entry(kZeros).bytes : std::span<const std::byte>(),
        .scales = entry(kScales).bytes,
        .rows = rows_,
        .cols = cols_,
        .group_cols = cols_ / groups_,
        .order = order_,
    });
    const Format format = maker->format();
    return {name_ + ".weight", format, {rows_, cols_}, {}, std::move(maker), order_};
  }

 private:
  bool has(Part part) const { return parts_[part].entry != nullptr; }
  const SafetensorsEntry& entry(Part part) const { return *parts_[part].entry; }

  void require(Part part) const {
    if (has(part)) return;
    const Part there = has(kQuants) ? kQuants : has(kScales) ? kScales : has(kZeros) ? kZeros : kGroupIndex;
    fail(ErrorCode::kBadFile, "{} has no {} beside it", parts_[there].place(),
         in_quotes(name_ + std::string(kSuffixes[part])));
  }

  void read_shape() {
    const FoundPart& quants = parts_[kQuants];
    const std::vector<int64_t>& shape = quants.entry->shape;
    check_type(kQuants, {"I32", "U32"});
    if (shape.size() != 2 || entry(kScales).shape.size() != 2)
      fail(ErrorCode::kBadFile, "{} has shape {} and its scales have {}: both should have two dimensions",
           quants.place(), shape_text(shape), shape_text(entry(kScales).shape));
    const bool is_gptq = quantization_.layout == GroupLayout::kGptq;
    cols_ = is_gptq ? shape[0] * kPerWord : shape[0];
    rows_ = is_gptq ? shape[1] : shape[1] * kPerWord;
    groups_ = entry(kScales).shape[0];
    if (rows_ == 0 || cols_ == 0 || rows_ % kPerWord != 0 || cols_ > std::numeric_limits<int32_t>::max())
      fail(ErrorCode::kBadFile,
           "{} has shape {}, which is {} rows of {} columns in the {} layout: no weight has that",
           quants.place(), shape_text(shape), rows_, cols_, name_of(quantization_.layout));
    if (groups_ == 0 || cols_ % groups_ != 0)
      fail(ErrorCode::kBadFile, "{} has {} columns, which the {} groups of its scales cannot share evenly",
           quants.place(), cols_, groups_);
    check_group_size();
  }

  void check_group_size() const {
    const int64_t group = cols_ / groups_;
    const int64_t said = quantization_.group_size == -1 ? cols_ : quantization_.group_size;
    if (said != 0 && cols_ % said != 0)
      fail(ErrorCode::kBadFile, "{} has {} columns, which groups of {} do not divide",
           parts_[kQuants].place(), cols_, said);
    if (said != 0 && group != said && !quantization_.has_exceptions)
      fail(ErrorCode::kBadFile,
           "{} has {} columns, and its scales are of {} groups; groups of {} columns would be {}",
           parts_[kQuants].place(), cols_, groups_, said, cols_ / said);
    if (group % kSmallestGroup != 0)
      fail(ErrorCode::kUnsupported, "{} has groups of {} columns; Ferrum reads groups of {} and multiples",
           parts_[kQuants].place(), group, kSmallestGroup);
  }

  void check_type(Part part, std::initializer_list<std::string_view> types) const {
    for (const std::string_view type : types)
      if (entry(part).type->name == type) return;
    fail(ErrorCode::kUnsupported, "{} is of dtype {}; 4-bit integers in groups have {} there",
         parts_[part].place(), entry(part).type->name, fmt::join(types, " or "));
  }

  void check_part(Part part, const std::vector<int64_t>& shape,
                  std::initializer_list<std::string_view> types) const {
    check_type(part, types);
    if (entry(part).shape != shape)
      fail(ErrorCode::kBadFile,
           "{} has shape {}, but {} of shape {} in {} groups of 4-bit integers demands {}",
           parts_[part].place(), shape_text(entry(part).shape), in_quotes(entry(kQuants).name),
           shape_text(entry(kQuants).shape), groups_, shape_text(shape));
  }

  // Columns by their group, those of a group in their own order; nothing where they lie so already.
  void read_order() {
    if (!has(kGroupIndex)) {
      if (quantization_.orders_columns && groups_ > 1) require(kGroupIndex);
      return;
    }
    check_part(kGroupIndex, {cols_}, {"I32", "I64"});
    const FoundPart& found = parts_[kGroupIndex];
    const std::vector<int64_t> group_of = found.file->integers(found.entry->name);
    found.file->release(found.entry->bytes);
    const int64_t size = cols_ / groups_;
    std::vector<int64_t> count(static_cast<size_t>(groups_));
    ColumnOrder order(static_cast<size_t>(cols_));
    bool is_trivial = true;
    for (int64_t c = 0; c < cols_; ++c) {
      const int64_t group = group_of[static_cast<size_t>(c)];
      if (group < 0 || group >= groups_)
        fail(ErrorCode::kBadFile, "{} puts column {} into group {}, but there are {}", found.place(), c,
             group, groups_);
      int64_t& within = count[static_cast<size_t>(group)];
      if (within == size)
        fail(ErrorCode::kBadFile, "{} puts more than {} columns into group {}", found.place(), size, group);
      const int64_t at = group * size + within++;
      order[static_cast<size_t>(at)] = static_cast<int32_t>(c);
      is_trivial &= at == c;
    }
    if (!is_trivial) order_ = std::make_shared<const ColumnOrder>(std::move(order));
  }

  std::string name_;
  std::array<FoundPart, 4> parts_;
  const GroupQuantization& quantization_;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t groups_ = 0;
  std::shared_ptr<const ColumnOrder> order_;
};

}  // namespace

bool is_group_part(std::string_view name) {
  for (const std::string_view suffix : kSuffixes)
    if (name.ends_with(suffix)) return true;
  return false;
}

std::vector<HostTensor> group_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                                      const GroupQuantization& quantization) {
  std::map<std::string, std::array<FoundPart, 4>> modules;
  for (const auto& file : files)
    for (const SafetensorsEntry& entry : file->entries())
      for (const Part part : {kQuants, kZeros, kScales, kGroupIndex}) {
        const std::string_view name = entry.name;
        if (!name.ends_with(kSuffixes[part])) continue;
        FoundPart& found = modules[std::string(name.substr(0, name.size() - kSuffixes[part].size()))][part];
        if (found.entry != nullptr)
          fail(ErrorCode::kBadFile, "{}: duplicate tensor {}, which is in {}, too", file->source(),
               in_quotes(name), found.file->source());
        found = {file.get(), &entry};
      }
  std::vector<HostTensor> tensors;
  tensors.reserve(modules.size());
  for (const auto& [name, parts] : modules) tensors.push_back(Module(name, parts, quantization).tensor());
  return tensors;
}

}  // namespace ferrum
