// A value in a JSON file that knows where it stands, so that every complaint names file and field.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

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

  // Errors kBadFile: another type than the name says, an absent member.
  std::optional<JsonView> find(std::string_view key) const;  // nothing if absent or null
  JsonView at(std::string_view key) const;
  JsonView element(size_t i) const;
  size_t size() const;  // of an array
  const std::string& string() const;
  bool boolean() const;
  double number() const;
  int64_t integer(int64_t low, int64_t high) const;

  std::string string_or(std::string_view key, std::string_view fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;

  [[noreturn]] void refuse(std::string_view why) const;  // "<source>: <field> <why>"

 private:
  const Json* value_;
  const std::string* source_;
  std::string path_;
};

}  // namespace ferrum
