// Makes small GGUF and safetensors files byte by byte, good ones and broken ones.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/files.h"

namespace ferrum::test {

template <class T>
std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Types as the file numbers them.
namespace gguf {
enum Type : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };
enum TensorType : uint32_t {
  kTensorF32 = 0,
  kTensorF16 = 1,
  kTensorQ4_0 = 2,
  kTensorQ8_0 = 8,
  kTensorBF16 = 30
};
}  // namespace gguf

class GgufBytes {
 public:
  uint32_t magic = 0x46554747;
  uint32_t version = 3;
  std::optional<uint64_t> pair_count, tensor_count;  // where they are to lie
  size_t alignment = 32;

  static std::string string_of(std::string_view text) {
    return le<uint64_t>(text.size()) + std::string(text);
  }

  GgufBytes& pair(std::string_view key, uint32_t type, std::string_view value) {
    pairs_.push_back(string_of(key) + le(type) + std::string(value));
    return *this;
  }
  GgufBytes& u32(std::string_view key, uint32_t v) { return pair(key, gguf::kU32, le(v)); }
  GgufBytes& f32(std::string_view key, float v) { return pair(key, gguf::kF32, le(v)); }
  GgufBytes& boolean(std::string_view key, uint8_t v) { return pair(key, gguf::kBool, le(v)); }
  GgufBytes& string(std::string_view key, std::string_view v) {
    return pair(key, gguf::kString, string_of(v));
  }
  template <class T>
  GgufBytes& array(std::string_view key, uint32_t type, const std::vector<T>& values) {
    std::string bytes = le(type) + le<uint64_t>(values.size());
    for (const T& v : values) bytes += le(v);
    return pair(key, gguf::kArray, bytes);
  }
  GgufBytes& strings(std::string_view key, const std::vector<std::string>& values) {
    std::string bytes = le<uint32_t>(gguf::kString) + le<uint64_t>(values.size());
    for (const std::string& v : values) bytes += string_of(v);
    return pair(key, gguf::kArray, bytes);
  }

  // `shape` outermost first. The offset is the next free aligned one unless given.
  GgufBytes& tensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type,
                    std::string_view data, std::optional<uint64_t> offset = std::nullopt) {
    const uint64_t at = offset.value_or(data_.size());
    std::string info = string_of(name) + le<uint32_t>(shape.size());
    for (auto it = shape.rbegin(); it != shape.rend(); ++it) info += le(*it);
    infos_.push_back(info + le(type) + le(at));
    data_ += data;
    pad(data_);
    return *this;
  }
  // Float32 zeros, or what `value` says.
  GgufBytes& f32_tensor(std::string_view name, const std::vector<uint64_t>& shape, float value = 0) {
    uint64_t n = 1;
    for (const uint64_t d : shape) n *= d;
    std::string data;
    for (uint64_t i = 0; i < n; ++i) data += le(value);
    return tensor(name, shape, gguf::kTensorF32, data);
  }

  std::string build() const {
    std::string out = le(magic) + le(version) + le<uint64_t>(tensor_count.value_or(infos_.size())) +
                      le<uint64_t>(pair_count.value_or(pairs_.size()));
    for (const std::string& p : pairs_) out += p;
    for (const std::string& i : infos_) out += i;
    if (!data_.empty()) pad(out);
    return out + data_;
  }

 private:
  void pad(std::string& bytes) const {
    while (bytes.size() % alignment != 0) bytes += '\0';
  }

  std::vector<std::string> pairs_, infos_;
  std::string data_;
};

// A safetensors file of this header (JSON) and data.
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  return le<uint64_t>(header.size()) + std::string(header) + std::string(data);
}

class SafetensorsBytes {
 public:
  SafetensorsBytes& tensor(std::string_view name, const std::vector<int64_t>& shape, std::string_view type,
                           std::string_view data) {
    std::string sizes;
    for (const int64_t d : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(d);
    header_ += (header_.empty() ? "" : ",") + ('"' + std::string(name)) + R"(":{"dtype":")" +
               std::string(type) + R"(","shape":[)" + sizes + R"(],"data_offsets":[)" +
               std::to_string(data_.size()) + "," + std::to_string(data_.size() + data.size()) + "]}";
    data_ += data;
    return *this;
  }
  // Zeros.
  SafetensorsBytes& f32_tensor(std::string_view name, const std::vector<int64_t>& shape) {
    size_t n = 4;
    for (const int64_t d : shape) n *= static_cast<size_t>(d);
    return tensor(name, shape, "F32", std::string(n, '\0'));
  }
  std::string build() const { return safetensors_bytes("{" + header_ + "}", data_); }

 private:
  std::string header_, data_;
};

}  // namespace ferrum::test
