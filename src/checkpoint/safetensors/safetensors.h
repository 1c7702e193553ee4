// safetensors files: a JSON header of names, types, shapes and offsets, then the data. All of it is checked.
//
// Format: https://huggingface.co/docs/safetensors/index#format
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/host_tensor.h"

namespace ferrum {

struct SafetensorsType {
  std::string_view name;  // "BF16", "I64", "F8_E4M3", …
  int bits;
  std::optional<Format> format;  // where operations read it
};
const SafetensorsType* safetensors_type_named(std::string_view name);  // null: the specification has none

struct SafetensorsEntry {
  std::string name;
  const SafetensorsType* type = nullptr;
  std::vector<int64_t> shape;        // outermost first; [] is a scalar
  std::span<const std::byte> bytes;  // little-endian, row-major, no padding

  int64_t elements() const;
};

class SafetensorsFile {
 public:
  // Errors: kNotFound, kIo, kBadFile (faults B01, B02, B17, B18), kUnsupported for types of less than a byte.
  static std::unique_ptr<SafetensorsFile> open(const std::filesystem::path& path);
  // The same from bytes in memory, which must outlive the result; it has no file().
  static std::unique_ptr<SafetensorsFile> parse(std::span<const std::byte> bytes, std::string source);

  const std::vector<SafetensorsEntry>& entries() const { return entries_; }  // by name
  const SafetensorsEntry* find(std::string_view name) const;                 // null: absent
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }  // by key
  const std::string& source() const { return source_; }  // the path, for messages
  const MappedFile& file() const;
  void release(std::span<const std::byte> part) const;  // as MappedFile does

  // A tensor that operations read. Errors: kNotFound; kUnsupported naming tensor and type.
  HostTensor tensor(std::string_view name) const;
  HostTensor tensor(const SafetensorsEntry& entry) const;
  // The elements of a tensor of type I64 or I32. Errors: kNotFound; kUnsupported naming tensor and type.
  std::vector<int64_t> integers(std::string_view name) const;

 private:
  friend class SafetensorsReader;
  SafetensorsFile() = default;
  const SafetensorsEntry& at(std::string_view name) const;

  std::shared_ptr<const MappedFile> file_;
  std::string source_;
  std::vector<SafetensorsEntry> entries_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace ferrum
