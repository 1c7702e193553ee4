// A value in a JSON file together with its file and path, so that every error message can name both.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ferrum {

class JsonView {
 public:
  // `source` must outlive the view, as must the value.
  JsonView(const Json& value, const std::string& source, std::string path = "")
      : value_(&value), source_(&source), path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  const std::string& source() const { return *source_; }
  std::string field() const { return path_.empty() ? "the whole" : path_; }

  bool is_object() const { return value_->is_object(); }
  bool is_array() const { return value_->is_array(); }
  bool is_string() const { return value_->is_string(); }

  // Error kBadFile: the value has another type than the function's name, or the member is absent.
  // A whole number may be written as a float (512.0): Python's config classes do so.
  std::optional<JsonView> find(std::string_view key) const;  // nothing if absent or null
  JsonView at(std::string_view key) const;
  bool contains(std::string_view key) const;  // of an object; perhaps null
  JsonView element(size_t i) const;
  size_t size() const;  // of an array
  const std::string& string() const;
  bool boolean() const;
  double number() const;
  int64_t integer(int64_t low, int64_t high) const;
  int integer() const;  // one that fits

  // Of a member that may be absent or null. Integers must fit an int.
  std::optional<int> find_integer(std::string_view key) const;
  std::optional<double> find_number(std::string_view key) const;
  std::optional<bool> find_boolean(std::string_view key) const;
  std::optional<std::string> find_string(std::string_view key) const;
  std::optional<std::vector<int>> find_integers(std::string_view key) const;  // an array, or one number
  std::optional<std::vector<float>> find_numbers(std::string_view key) const;
  std::optional<std::vector<std::string>> find_strings(
      std::string_view key) const;  // an array, or one string

  std::string string_or(std::string_view key, std::string_view fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;

  std::string place(std::string_view key) const;         // "<source>: <field>" of a member, for messages
  [[noreturn]] void refuse(std::string_view why) const;  // "<source>: <field> <why>"
  void warn(std::string_view why) const;                 // the same as a warning

 private:
  std::string path_of(std::string_view key) const;

  const Json* value_;
  const std::string* source_;
  std::string path_;
};

}  // namespace ferrum
