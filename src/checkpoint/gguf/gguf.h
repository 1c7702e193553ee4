// GGUF v2 and v3 files: metadata and tensors, every size checked against the file before it is used.
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/host_tensor.h"

namespace ferrum {

enum class GgufType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

std::string_view name_of(GgufType type);  // as the specification spells it: "uint32", "string"

// Elements are widened; strings are views into the file. Bools are 0 or 1 among the unsigned.
struct GgufArray {
  GgufType element = GgufType::kUint8;  // never kArray
  std::variant<std::vector<int64_t>, std::vector<uint64_t>, std::vector<double>,
               std::vector<std::string_view>>
      values;
  size_t size() const;
};

using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

// The key-value part of one file. The getters give nothing for an absent key and throw Error kBadFile naming
// key, expected and found type for one of another type (fault B07). Integers of any width convert where they
// fit.
class GgufMetadata {
 public:
  bool has(std::string_view key) const;
  std::optional<uint64_t> unsigned_integer(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  // floats, and integers
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  std::optional<std::span<const std::string_view>> strings(std::string_view key) const;
  std::optional<std::vector<float>> floats(std::string_view key) const;
  std::optional<std::vector<int64_t>> integers(std::string_view key) const;  // also an array of bools

  const GgufValue* find(std::string_view key) const;  // null: absent; for keys that may have several types
  const std::vector<std::pair<std::string_view, GgufValue>>& entries() const {
    return entries_;
  }                                                      // in file order
  const std::string& source() const { return source_; }  // the path, for messages

 private:
  friend class GgufParser;
  std::string source_;
  std::vector<std::pair<std::string_view, GgufValue>> entries_;
  std::unordered_map<std::string_view, size_t> index_;
};

// One GGUF file.
class GgufFile {
 public:
  // Errors: kNotFound, kIo, kBadFile (faults B01–B11), kUnsupported for a tensor type that Ferrum does not
  // read.
  static std::unique_ptr<GgufFile> open(const std::filesystem::path& path);

  // The same from bytes in memory, which must outlive the result; it has no file(). `source` names them in
  // messages.
  static std::unique_ptr<GgufFile> parse(std::span<const std::byte> bytes, std::string source);

  int version() const { return version_; }
  size_t alignment() const { return alignment_; }
  const GgufMetadata& metadata() const { return metadata_; }
  const std::vector<HostTensor>& tensors() const {
    return tensors_;
  }  // in file order; shapes outermost first
  const MappedFile& file() const;

 private:
  friend class GgufParser;
  GgufFile() = default;

  std::shared_ptr<const MappedFile> file_;
  int version_ = 3;
  size_t alignment_ = 32;
  GgufMetadata metadata_;
  std::vector<HostTensor> tensors_;
};

}  // namespace ferrum
