// The fields of a JSON object, each read once, by name, type and range. What nobody asked for is refused, so
// that no field is silently ignored.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/api/api_error.h"
#include "server/api/json.h"

namespace ferrum::server {

class Fields {
 public:
  // `path` names the object in messages: "messages[0]"; empty for the body itself. The object outlives this.
  // Every mistake is a 400 that names the field.
  explicit Fields(const Json& object, std::string path = "");

  // Missing and null are the same: nothing.
  const Json* find(const std::string& name);
  const Json& required(const std::string& name);
  std::optional<bool> flag(const std::string& name);
  std::optional<int64_t> integer(const std::string& name, int64_t least, int64_t most);
  std::optional<double> number(const std::string& name, double least, double most);
  std::optional<std::string> text(const std::string& name);
  const Json* object(const std::string& name);  // null: nothing
  // A text, or an array of texts.
  std::optional<std::vector<std::string>> texts(const std::string& name);
  std::optional<std::vector<int32_t>> integers(const std::string& name);

  // For what is not served: nothing but absence (or `harmless`) is accepted.
  void refuse(const std::string& name, const char* why, const std::vector<Json>& harmless = {});
  void refuse_others() const;

  std::string path_of(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string> known_;
};

}  // namespace ferrum::server
