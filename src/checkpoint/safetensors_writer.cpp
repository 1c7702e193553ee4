#include "checkpoint/safetensors_writer.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"

namespace ferrum {
namespace {

uint64_t bytes_of(const SafetensorsDeclaration& tensor) {
  const SafetensorsType* type = safetensors_type_named(tensor.type);
  check(type != nullptr && type->bits >= 8, "a type that safetensors files have");
  uint64_t bytes = static_cast<uint64_t>(type->bits) / 8;
  for (const int64_t d : tensor.shape) bytes *= static_cast<uint64_t>(d);
  return bytes;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path,
                                     const std::vector<SafetensorsDeclaration>& tensors,
                                     const std::vector<std::pair<std::string, std::string>>& metadata)
    : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".partial";
  OrderedJson header = OrderedJson::object();
  for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  for (const SafetensorsDeclaration& t : tensors) {
    check(!header.contains(t.name), "tensors of different names");
    const uint64_t end = missing_ + bytes_of(t);
    header[t.name] = {{"dtype", t.type}, {"shape", t.shape}, {"data_offsets", {missing_, end}}};
    missing_ = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data is aligned
  const uint64_t size = text.size();
  out_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!out_) fail(ErrorCode::kIo, "cannot create {}: {}", temporary_.string(), std::strerror(errno));
  out_.write(reinterpret_cast<const char*>(&size), sizeof(size));
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
}

SafetensorsWriter::~SafetensorsWriter() {
  if (temporary_.empty()) return;
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void SafetensorsWriter::append(std::span<const std::byte> data) {
  check(data.size() <= missing_, "no more data than was declared");
  missing_ -= data.size();
  out_.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  if (!out_) fail(ErrorCode::kIo, "cannot write {}: {}", temporary_.string(), std::strerror(errno));
}

void SafetensorsWriter::finish() {
  check_equal(missing_, uint64_t{0}, "bytes declared and not appended");
  out_.close();
  if (!out_) fail(ErrorCode::kIo, "cannot write {}: {}", temporary_.string(), std::strerror(errno));
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) fail(ErrorCode::kIo, "cannot create {}: {}", path_.string(), error.message());
  temporary_.clear();
}

}  // namespace ferrum
