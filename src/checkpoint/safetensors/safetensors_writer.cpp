#include "checkpoint/safetensors/safetensors_writer.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "checkpoint/safetensors/safetensors.h"

namespace ferrum {
namespace {

uint64_t bytes_of(const SafetensorsDeclaration& tensor) {
  const SafetensorsType* type = safetensors_type_named(tensor.type);
  check(type != nullptr && type->bits >= 8, "a type that safetensors files have");
  uint64_t bytes = static_cast<uint64_t>(type->bits) / 8;
  for (const int64_t d : tensor.shape) bytes *= static_cast<uint64_t>(d);
  return bytes;
}

uint64_t bytes_of(const std::vector<SafetensorsDeclaration>& tensors) {
  uint64_t bytes = 0;
  for (const SafetensorsDeclaration& t : tensors) bytes += bytes_of(t);
  return bytes;
}

// With its size in front, and filled up so that the data is aligned.
std::string header_of(const std::vector<SafetensorsDeclaration>& tensors,
                      const std::vector<std::pair<std::string, std::string>>& metadata) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [key, value] : metadata) json["__metadata__"][key] = value;
  uint64_t begin = 0;
  for (const SafetensorsDeclaration& t : tensors) {
    check(!json.contains(t.name), "tensors of different names");
    const uint64_t end = begin + bytes_of(t);
    json[t.name] = {{"dtype", t.type}, {"shape", t.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = json.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<SafetensorsDeclaration>& tensors,
                                     const std::vector<std::pair<std::string, std::string>>& metadata)
    : SafetensorsWriter(path, header_of(tensors, metadata), bytes_of(tensors)) {}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const std::string& header,
                                     uint64_t data_bytes)
    : file_(path, header.size() + data_bytes), missing_(data_bytes) {
  file_.write(std::as_bytes(std::span(header)));
}

void SafetensorsWriter::append(std::span<const std::byte> data) {
  check(data.size() <= missing_, "no more data than was declared");
  missing_ -= data.size();
  file_.write(data);
}

void SafetensorsWriter::finish() {
  check_equal(missing_, uint64_t{0}, "bytes declared and not appended");
  file_.commit();
}

}  // namespace ferrum
