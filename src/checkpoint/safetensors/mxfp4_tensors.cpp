#include "checkpoint/safetensors/mxfp4_tensors.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "checkpoint/safetensors/parts.h"

namespace ferrum {
namespace {

constexpr std::string_view kBlocks = "_blocks";
constexpr std::string_view kScales = "_scales";
constexpr int64_t kBlockValues = 32;
constexpr size_t kQuantBytes = 16;

class Mxfp4Rows final : public RowMaker {
 public:
  Mxfp4Rows(std::span<const std::byte> blocks, std::span<const std::byte> scales, int64_t blocks_per_row)
      : blocks_(blocks), scales_(scales), per_row_(static_cast<size_t>(blocks_per_row)) {}

  void make(int64_t first, int64_t count, std::byte* out) const override {
    const size_t end = static_cast<size_t>(first + count) * per_row_;
    for (size_t block = static_cast<size_t>(first) * per_row_; block < end; ++block) {
      *out++ = scales_[block];
      const std::byte* in = blocks_.data() + block * kQuantBytes;
      const auto element = [in](size_t i) { return i % 2 == 0 ? in[i / 2] & std::byte{15} : in[i / 2] >> 4; };
      for (size_t j = 0; j < kQuantBytes; ++j) *out++ = element(j) | element(j + kQuantBytes) << 4;
    }
  }
  std::vector<std::span<const std::byte>> stored() const override { return {blocks_, scales_}; }

 private:
  std::span<const std::byte> blocks_, scales_;
  size_t per_row_;
};

}  // namespace

bool is_mxfp4_part(const SafetensorsEntry& entry) {
  return entry.type->name == "U8" && (entry.name.ends_with(kBlocks) || entry.name.ends_with(kScales));
}

std::vector<HostTensor> mxfp4_tensors(const std::vector<std::unique_ptr<SafetensorsFile>>& files) {
  std::vector<HostTensor> tensors;
  for (const auto& file : files) {
    for (const SafetensorsEntry& entry : file->entries()) {
      if (!is_mxfp4_part(entry)) continue;
      const bool is_blocks = entry.name.ends_with(kBlocks);
      const std::string name = entry.name.substr(0, entry.name.size() - kBlocks.size());
      const std::string other = name + std::string(is_blocks ? kScales : kBlocks);
      const SafetensorsEntry* scales = find_part(files, other).entry;
      if (scales == nullptr)
        fail(ErrorCode::kBadFile, "{}: tensor {} is missing, which belongs to {}", file->source(),
             in_quotes(other), in_quotes(entry.name));
      if (!is_blocks) continue;
      std::vector<int64_t> shape = entry.shape;
      if (shape.size() < 3 || shape.back() != static_cast<int64_t>(kQuantBytes) ||
          std::vector<int64_t>(shape.begin(), shape.end() - 1) != scales->shape)
        fail(ErrorCode::kBadFile, "{}: tensor {} has shape [{}], and {} [{}]", file->source(),
             in_quotes(entry.name), fmt::join(shape, ", "), in_quotes(other), fmt::join(scales->shape, ", "));
      shape.pop_back();
      const int64_t per_row = shape.back();
      shape.back() *= kBlockValues;
      tensors.push_back({.name = name,
                         .format = Format::kMXFP4,
                         .shape = std::move(shape),
                         .bytes = {},
                         .maker = std::make_shared<Mxfp4Rows>(entry.bytes, scales->bytes, per_row)});
    }
  }
  return tensors;
}

}  // namespace ferrum
