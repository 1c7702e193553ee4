#include "checkpoint/gguf/gguf_writer.h"

#include <array>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "checkpoint/gguf/ggml_type.h"

namespace ferrum {
namespace {

template <class T>
constexpr GgufType gguf_type() {
  if constexpr (std::is_same_v<T, uint8_t>) return GgufType::kUint8;
  if constexpr (std::is_same_v<T, int8_t>) return GgufType::kInt8;
  if constexpr (std::is_same_v<T, uint16_t>) return GgufType::kUint16;
  if constexpr (std::is_same_v<T, int16_t>) return GgufType::kInt16;
  if constexpr (std::is_same_v<T, uint32_t>) return GgufType::kUint32;
  if constexpr (std::is_same_v<T, int32_t>) return GgufType::kInt32;
  if constexpr (std::is_same_v<T, float>) return GgufType::kFloat32;
  if constexpr (std::is_same_v<T, bool>) return GgufType::kBool;
  if constexpr (std::is_same_v<T, std::string>) return GgufType::kString;
  if constexpr (std::is_same_v<T, uint64_t>) return GgufType::kUint64;
  if constexpr (std::is_same_v<T, int64_t>) return GgufType::kInt64;
  if constexpr (std::is_same_v<T, double>) return GgufType::kFloat64;
}

void put_bytes(std::vector<std::byte>& out, const void* data, size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

template <class T>
requires std::is_arithmetic_v<T>
void put(std::vector<std::byte>& out, T value) { put_bytes(out, &value, sizeof value); }
void put(std::vector<std::byte>& out, GgufType type) { put(out, static_cast<uint32_t>(type)); }
void put(std::vector<std::byte>& out, std::string_view text) {
  put(out, static_cast<uint64_t>(text.size()));
  put_bytes(out, text.data(), text.size());
}

template <class T>
void put_list(std::vector<std::byte>& out, const std::vector<T>& values) {
  put(out, GgufType::kArray);
  put(out, gguf_type<T>());
  put(out, static_cast<uint64_t>(values.size()));
  for (const auto& value : values) {
    if constexpr (std::is_same_v<T, bool>)
      put(out, static_cast<uint8_t>(value));
    else if constexpr (std::is_same_v<T, std::string>)
      put(out, std::string_view(value));
    else
      put(out, value);
  }
}

uint64_t padding_after(uint64_t bytes) {
  return (GgufHeader::kAlignment - bytes % GgufHeader::kAlignment) % GgufHeader::kAlignment;
}

template <class To, class From>
std::vector<To> converted(const std::vector<From>& values) {
  return std::vector<To>(values.begin(), values.end());
}

// The reader widens elements; the element type says what they were.
GgufList list_of(const GgufArray& array) {
  const auto& v = array.values;
  switch (array.element) {
    case GgufType::kUint8:
      return converted<uint8_t>(std::get<std::vector<uint64_t>>(v));
    case GgufType::kUint16:
      return converted<uint16_t>(std::get<std::vector<uint64_t>>(v));
    case GgufType::kUint32:
      return converted<uint32_t>(std::get<std::vector<uint64_t>>(v));
    case GgufType::kUint64:
      return converted<uint64_t>(std::get<std::vector<uint64_t>>(v));
    case GgufType::kInt8:
      return converted<int8_t>(std::get<std::vector<int64_t>>(v));
    case GgufType::kInt16:
      return converted<int16_t>(std::get<std::vector<int64_t>>(v));
    case GgufType::kInt32:
      return converted<int32_t>(std::get<std::vector<int64_t>>(v));
    case GgufType::kInt64:
      return converted<int64_t>(std::get<std::vector<int64_t>>(v));
    case GgufType::kFloat32:
      return converted<float>(std::get<std::vector<double>>(v));
    case GgufType::kFloat64:
      return converted<double>(std::get<std::vector<double>>(v));
    case GgufType::kString:
      return converted<std::string>(std::get<std::vector<std::string_view>>(v));
    case GgufType::kBool:
    case GgufType::kArray:
      break;
  }
  if (const auto* bits = std::get_if<std::vector<uint64_t>>(&v)) return converted<bool>(*bits);
  return converted<bool>(std::get<std::vector<int64_t>>(v));
}

struct ToScalar {
  GgufScalar operator()(uint64_t v) const {
    if (v <= UINT32_MAX) return static_cast<uint32_t>(v);
    return v;
  }
  GgufScalar operator()(int64_t v) const {
    if (v == static_cast<int32_t>(v)) return static_cast<int32_t>(v);
    return v;
  }
  GgufScalar operator()(double v) const { return static_cast<float>(v); }
  GgufScalar operator()(bool v) const { return v; }
  GgufScalar operator()(std::string_view v) const { return std::string(v); }
  GgufScalar operator()(const GgufArray&) const {
    check(false, "an array is no single value");
    return false;
  }
};

}  // namespace

uint64_t GgufHeader::Tensor::bytes() const {
  uint64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= static_cast<uint64_t>(shape[i]);
  return rows * row_bytes(format, static_cast<size_t>(shape.back()));
}

bool GgufHeader::has(std::string_view key) const {
  for (const Entry& entry : entries_)
    if (entry.key == key) return true;
  return false;
}

void GgufHeader::set(std::string_view key, GgufScalar value) {
  check(!has(key), "a metadata key is set once");
  Entry entry{std::string(key), {}};
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        put(entry.value, gguf_type<T>());
        if constexpr (std::is_same_v<T, bool>)
          put(entry.value, static_cast<uint8_t>(v));
        else if constexpr (std::is_same_v<T, std::string>)
          put(entry.value, std::string_view(v));
        else
          put(entry.value, v);
      },
      value);
  entries_.push_back(std::move(entry));
}

void GgufHeader::set(std::string_view key, GgufList values) {
  check(!has(key), "a metadata key is set once");
  Entry entry{std::string(key), {}};
  std::visit([&](const auto& v) { put_list(entry.value, v); }, values);
  entries_.push_back(std::move(entry));
}

void GgufHeader::copy(std::string_view key, const GgufValue& value) {
  if (const auto* array = std::get_if<GgufArray>(&value))
    set(key, list_of(*array));
  else
    set(key, std::visit(ToScalar(), value));
}

void GgufHeader::add(Tensor tensor) {
  check(!tensor.shape.empty() && tensor.shape.size() <= 4, "a tensor has 1 to 4 dimensions");
  for (const int64_t size : tensor.shape) check(size > 0, "dimensions are positive");
  tensors_.push_back(std::move(tensor));
}

std::vector<std::byte> GgufHeader::serialised() const {
  std::vector<std::byte> out;
  put_bytes(out, "GGUF", 4);
  put(out, uint32_t{3});
  put(out, static_cast<uint64_t>(tensors_.size()));
  put(out, static_cast<uint64_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    put(out, std::string_view(entry.key));
    put_bytes(out, entry.value.data(), entry.value.size());
  }
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    put(out, std::string_view(tensor.name));
    put(out, static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;)
      put(out, static_cast<uint64_t>(tensor.shape[i]));  // innermost first
    put(out, ggml_type_of(tensor.format));
    put(out, offset);
    offset += tensor.bytes() + padding_after(tensor.bytes());
  }
  out.resize(out.size() + padding_after(out.size()));
  return out;
}

uint64_t GgufHeader::file_bytes() const {
  uint64_t bytes = serialised().size();
  for (const Tensor& tensor : tensors_) bytes += tensor.bytes() + padding_after(tensor.bytes());
  return bytes;
}

GgufWriter::GgufWriter(std::filesystem::path target, GgufHeader header)
    : header_(std::move(header)), file_(std::move(target), header_.file_bytes()) {
  file_.write(header_.serialised());
}

const GgufHeader::Tensor* GgufWriter::current() const {
  return tensor_ < header_.tensors().size() ? &header_.tensors()[tensor_] : nullptr;
}

void GgufWriter::append(std::span<const std::byte> bytes) {
  check(current() != nullptr, "bytes of a tensor that was declared");
  const uint64_t whole = current()->bytes();
  check(tensor_bytes_ + bytes.size() <= whole, "no more bytes than the tensor has");
  file_.write(bytes);
  tensor_bytes_ += bytes.size();
  all_tensor_bytes_ += bytes.size();
  if (tensor_bytes_ < whole) return;
  pad();
  ++tensor_;
  tensor_bytes_ = 0;
}

void GgufWriter::pad() {
  const std::array<std::byte, GgufHeader::kAlignment> zeros{};
  file_.write(std::span(zeros).first(padding_after(file_.written())));
}

void GgufWriter::finish() {
  check(current() == nullptr, "all tensors are written");
  file_.commit();
}

}  // namespace ferrum
