#include "checkpoint/tensor_table.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "base/error.h"

namespace ferrum {

TensorTable::TensorTable(Naming naming, std::vector<HostTensor> tensors, std::string source,
                         const NameTable& names)
    : naming_(naming), names_(names), tensors_(std::move(tensors)), source_(std::move(source)) {
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const std::string& name = tensors_[i].name;
    if (!seen.insert(name).second)
      fail(ErrorCode::kBadFile, "{}: duplicate tensor {}", source_, in_quotes(name));
    const auto key = names_.parse(naming_, name);
    if (!key) continue;
    const auto [it, is_new] = by_key_.emplace(*key, i);
    if (!is_new)
      fail(ErrorCode::kBadFile, "{}: duplicate tensor: {} and {} are the same", source_,
           in_quotes(tensors_[it->second].name), in_quotes(name));
  }
}

const HostTensor* TensorTable::find(const TensorKey& key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : &tensors_[it->second];
}

uint64_t TensorTable::bytes() const {
  uint64_t sum = 0;
  for (const HostTensor& t : tensors_) sum += t.byte_size();
  return sum;
}

Format TensorTable::main_format() const {
  std::array<uint64_t, kFormatCount> bytes = {};
  for (const HostTensor& t : tensors_) bytes[static_cast<size_t>(t.format)] += t.byte_size();
  return static_cast<Format>(std::max_element(bytes.begin(), bytes.end()) - bytes.begin());
}

size_t TensorTable::Hash::operator()(const TensorKey& key) const {
  const uint64_t low = static_cast<uint64_t>(key.role) << 1 | static_cast<uint64_t>(key.is_bias);
  const uint64_t place =
      static_cast<uint64_t>(static_cast<uint32_t>(key.layer)) << 32 | static_cast<uint32_t>(key.expert);
  return std::hash<uint64_t>()((place * 0x9E3779B97F4A7C15) ^ low);
}

}  // namespace ferrum
