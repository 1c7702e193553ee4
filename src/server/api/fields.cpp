#include "server/api/fields.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace ferrum::server {
namespace {

// 5.0 is one as well. None where int64_t does not hold it.
std::optional<int64_t> whole_number(const Json& value) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) return std::nullopt;
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number()) return std::nullopt;
  const auto x = value.get<double>();
  if (std::floor(x) != x || x < -0x1p63 || x >= 0x1p63) return std::nullopt;
  return static_cast<int64_t>(x);
}

}  // namespace

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object())
    server::refuse(path_, "{} must be an object, not {}", path_.empty() ? "the body" : path_,
                   object.type_name());
}

const Json* Fields::find(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& Fields::required(const std::string& name) {
  if (const Json* value = find(name)) return *value;
  throw ApiError(400, "missing_required_parameter", path_of(name), path_of(name) + " is missing");
}

std::optional<bool> Fields::flag(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_boolean())
    server::refuse(path_of(name), "{} must be true or false, not {}", path_of(name), value->type_name());
  return value->get<bool>();
}

std::optional<int64_t> Fields::integer(const std::string& name, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const std::optional<int64_t> x = whole_number(*value);
  if (!x || *x < least || *x > most)
    server::refuse(path_of(name), "{} must be a whole number from {} to {}, not {}", path_of(name), least,
                   most, in_quotes(to_text(*value)));
  return x;
}

std::optional<double> Fields::number(const std::string& name, double least, double most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const double x = value->is_number() ? value->get<double>() : std::nan("");
  if (!(x >= least && x <= most))
    server::refuse(path_of(name), "{} must be a number from {} to {}, not {}", path_of(name), least, most,
                   in_quotes(to_text(*value)));
  return x;
}

std::optional<std::string> Fields::text(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string())
    server::refuse(path_of(name), "{} must be a string, not {}", path_of(name), value->type_name());
  return value->get<std::string>();
}

const Json* Fields::object(const std::string& name) {
  const Json* value = find(name);
  if (value && !value->is_object()) server::refuse(path_of(name), "{} must be an object", path_of(name));
  return value;
}

std::optional<std::vector<std::string>> Fields::texts(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return std::vector{value->get<std::string>()};
  const auto is_string = [](const Json& item) { return item.is_string(); };
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_string))
    server::refuse(path_of(name), "{} must be a string or an array of strings", path_of(name));
  return value->get<std::vector<std::string>>();
}

std::optional<std::vector<int32_t>> Fields::integers(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const auto is_id = [](const Json& item) {
    return item.is_number_integer() && item.get<int64_t>() >= 0 && item.get<int64_t>() <= INT32_MAX;
  };
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_id))
    server::refuse(path_of(name), "{} must be an array of token ids", path_of(name));
  return value->get<std::vector<int32_t>>();
}

void Fields::refuse(const std::string& name, const char* why, const std::vector<Json>& harmless) {
  const Json* value = find(name);
  if (value && std::find(harmless.begin(), harmless.end(), *value) == harmless.end())
    throw ApiError(400, "unsupported_parameter", path_of(name), path_of(name) + ": " + why);
}

void Fields::refuse_others() const {
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name))
      throw ApiError(400, "unknown_parameter", path_of(name),
                     "there is no field " + in_quotes(path_of(name)));
}

}  // namespace ferrum::server
