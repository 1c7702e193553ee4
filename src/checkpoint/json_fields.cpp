#include "checkpoint/json_fields.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace ferrum {

JsonFields::JsonFields(const Json& object, std::string source, std::string prefix)
    : object_(&object), source_(std::move(source)), prefix_(std::move(prefix)) {
  if (!object.is_object())
    fail(ErrorCode::kBadConfig, "{}: {} should be an object but is {}", source_,
         prefix_.empty() ? "the document" : prefix_.substr(0, prefix_.size() - 1), object.type_name());
}

std::string JsonFields::place(std::string_view key) const {
  return fmt::format("{}: {}{}", source_, prefix_, key);
}

const Json* JsonFields::find(std::string_view key) const {
  const auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

void JsonFields::fail_type(std::string_view key, std::string_view expected, const Json& found) const {
  fail(ErrorCode::kBadConfig, "{} should be {} but is {} {}", place(key), expected, found.type_name(),
       in_quotes(found.dump(), 60));
}

bool JsonFields::has(std::string_view key) const { return find(key) != nullptr; }

bool JsonFields::has_key(std::string_view key) const { return object_->contains(key); }

int JsonFields::integer_of(std::string_view key, const Json& value) const {
  if (!value.is_number_integer()) fail_type(key, "an integer", value);
  const bool fits = value.is_number_unsigned() ? std::in_range<int>(value.get<uint64_t>())
                                               : std::in_range<int>(value.get<int64_t>());
  if (!fits) fail(ErrorCode::kBadConfig, "{} is {}, which is out of range", place(key), value.dump());
  return value.get<int>();
}

std::optional<int> JsonFields::integer(std::string_view key) const {
  const Json* value = find(key);
  return value ? std::optional(integer_of(key, *value)) : std::nullopt;
}

int JsonFields::required_integer(std::string_view key) const {
  const auto value = integer(key);
  if (!value) fail(ErrorCode::kBadConfig, "{} is missing", place(key));
  return *value;
}

std::optional<double> JsonFields::number(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number()) fail_type(key, "a number", *value);
  return value->get<double>();
}

std::optional<bool> JsonFields::boolean(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) fail_type(key, "a boolean", *value);
  return value->get<bool>();
}

std::optional<std::string> JsonFields::string(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) fail_type(key, "a string", *value);
  return value->get<std::string>();
}

std::optional<std::vector<int>> JsonFields::integers(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_array()) return std::vector{integer_of(key, *value)};
  std::vector<int> out;
  out.reserve(value->size());
  for (const Json& element : *value) out.push_back(integer_of(key, element));
  return out;
}

std::optional<std::vector<float>> JsonFields::numbers(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_array()) fail_type(key, "an array of numbers", *value);
  std::vector<float> out;
  out.reserve(value->size());
  for (const Json& element : *value) {
    if (!element.is_number()) fail_type(key, "an array of numbers", *value);
    out.push_back(element.get<float>());
  }
  return out;
}

std::optional<std::vector<std::string>> JsonFields::strings(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_array()) fail_type(key, "an array of strings", *value);
  std::vector<std::string> out;
  out.reserve(value->size());
  for (const Json& element : *value) {
    if (!element.is_string()) fail_type(key, "an array of strings", *value);
    out.push_back(element.get<std::string>());
  }
  return out;
}

std::optional<JsonFields> JsonFields::object(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  return JsonFields(*value, source_, prefix_ + std::string(key) + ".");
}

}  // namespace ferrum
