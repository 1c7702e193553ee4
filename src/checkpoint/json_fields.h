// Fields of a JSON object that someone else wrote: each getter says what it wanted and what it found.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ferrum {

// Looks at an object, which must outlive it. An absent field and one that is null give nothing; one of
// another type throws Error kBadConfig naming the source, the field, the expected and the found type.
class JsonFields {
 public:
  // `object` must be one (Error kBadConfig). `prefix` precedes the fields' names in messages:
  // "rope_scaling.".
  JsonFields(const Json& object, std::string source, std::string prefix = "");

  bool has(std::string_view key) const;                    // there, and not null
  bool has_key(std::string_view key) const;                // there, perhaps null
  std::optional<int> integer(std::string_view key) const;  // Error too where it does not fit
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  std::optional<std::vector<int>> integers(std::string_view key) const;  // an array, or one number
  std::optional<std::vector<float>> numbers(std::string_view key) const;
  std::optional<std::vector<std::string>> strings(std::string_view key) const;
  std::optional<JsonFields> object(std::string_view key) const;

  int required_integer(std::string_view key) const;

  // "config.json: field", for messages.
  std::string place(std::string_view key) const;

 private:
  const Json* find(std::string_view key) const;
  [[noreturn]] void fail_type(std::string_view key, std::string_view expected, const Json& found) const;
  int integer_of(std::string_view key, const Json& value) const;

  const Json* object_;
  std::string source_, prefix_;
};

}  // namespace ferrum
