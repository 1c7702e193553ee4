// The getters of GgufMetadata. Each accepts certain types and names any other type in its error message.
#include <utility>

#include "base/error.h"
#include "checkpoint/gguf/gguf.h"

namespace ferrum {
namespace {

std::string type_of(const GgufValue& value) {
  struct Namer {
    std::string operator()(uint64_t) const { return "an unsigned integer"; }
    std::string operator()(int64_t) const { return "a signed integer"; }
    std::string operator()(double) const { return "a float"; }
    std::string operator()(bool) const { return "a bool"; }
    std::string operator()(std::string_view) const { return "a string"; }
    std::string operator()(const GgufArray& a) const {
      return fmt::format("an array of {}", name_of(a.element));
    }
  };
  return std::visit(Namer(), value);
}

[[noreturn]] void fail_type(const GgufMetadata& metadata, std::string_view key, std::string_view expected) {
  fail(ErrorCode::kBadFile, "{}: key {} should be {} but is {}", metadata.source(), in_quotes(key), expected,
       type_of(*metadata.find(key)));
}

}  // namespace

std::string_view name_of(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
      return "uint8";
    case GgufType::kInt8:
      return "int8";
    case GgufType::kUint16:
      return "uint16";
    case GgufType::kInt16:
      return "int16";
    case GgufType::kUint32:
      return "uint32";
    case GgufType::kInt32:
      return "int32";
    case GgufType::kFloat32:
      return "float32";
    case GgufType::kBool:
      return "bool";
    case GgufType::kString:
      return "string";
    case GgufType::kArray:
      return "array";
    case GgufType::kUint64:
      return "uint64";
    case GgufType::kInt64:
      return "int64";
    case GgufType::kFloat64:
      return "float64";
  }
  return "?";
}

size_t GgufArray::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

bool GgufMetadata::has(std::string_view key) const { return find(key) != nullptr; }

std::optional<uint64_t> GgufMetadata::unsigned_integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* u = std::get_if<uint64_t>(value)) return *u;
  if (const auto* i = std::get_if<int64_t>(value); i != nullptr && *i >= 0) return static_cast<uint64_t>(*i);
  fail_type(*this, key, "an integer that is not negative");
}

std::optional<int64_t> GgufMetadata::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* i = std::get_if<int64_t>(value)) return *i;
  if (const auto* u = std::get_if<uint64_t>(value); u != nullptr && std::in_range<int64_t>(*u))
    return static_cast<int64_t>(*u);
  fail_type(*this, key, "an integer of 64 bits with sign");
}

std::optional<double> GgufMetadata::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* d = std::get_if<double>(value)) return *d;
  if (const auto* i = std::get_if<int64_t>(value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(value)) return static_cast<double>(*u);
  fail_type(*this, key, "a number");
}

std::optional<bool> GgufMetadata::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* b = std::get_if<bool>(value)) return *b;
  fail_type(*this, key, "a bool");
}

std::optional<std::string_view> GgufMetadata::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* s = std::get_if<std::string_view>(value)) return *s;
  fail_type(*this, key, "a string");
}

std::optional<std::span<const std::string_view>> GgufMetadata::strings(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* array = std::get_if<GgufArray>(value))
    if (const auto* v = std::get_if<std::vector<std::string_view>>(&array->values)) return *v;
  fail_type(*this, key, "an array of strings");
}

std::optional<std::vector<float>> GgufMetadata::floats(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* array = std::get_if<GgufArray>(value))
    if (const auto* v = std::get_if<std::vector<double>>(&array->values))
      return std::vector<float>(v->begin(), v->end());
  fail_type(*this, key, "an array of floats");
}

std::optional<std::vector<int64_t>> GgufMetadata::integers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* array = std::get_if<GgufArray>(value)) {
    if (const auto* v = std::get_if<std::vector<int64_t>>(&array->values)) return *v;
    if (const auto* v = std::get_if<std::vector<uint64_t>>(&array->values)) {
      std::vector<int64_t> out;
      out.reserve(v->size());
      for (const uint64_t u : *v) {
        if (!std::in_range<int64_t>(u))
          fail(ErrorCode::kBadFile, "{}: key {} holds {}, past what 64 bits with sign can", source_,
               in_quotes(key), u);
        out.push_back(static_cast<int64_t>(u));
      }
      return out;
    }
  }
  fail_type(*this, key, "an array of integers");
}

}  // namespace ferrum
