#include "server/api/fields.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/error.h"

namespace ferrum::server {
namespace {

constexpr size_t kMaxMessages = 20;  // of refusals in one error

bool is_one_of(const Json& value, const std::vector<Json>& values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// 5.0 counts as one. Nothing for numbers that int64_t cannot hold.
std::optional<int64_t> whole_number(const Json& value) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) return std::nullopt;
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number()) return std::nullopt;
  const auto x = value.get<double>();
  if (std::floor(x) != x || x < -0x1p63 || x >= 0x1p63) return std::nullopt;
  return static_cast<int64_t>(x);
}

}  // namespace

void FieldReport::ignore(const std::string& path) {
  if (std::find(ignored_.begin(), ignored_.end(), path) == ignored_.end()) ignored_.push_back(path);
}

void FieldReport::refuse(const std::string& code, const std::string& path, const std::string& message) {
  const auto same = [&](const Refusal& refusal) { return refusal.path == path; };
  if (std::none_of(refused_.begin(), refused_.end(), same)) refused_.push_back({code, path, message});
}

void FieldReport::check() const {
  if (refused_.empty()) return;
  std::string message;
  for (size_t i = 0; i < std::min(refused_.size(), kMaxMessages); ++i)
    message += (i == 0 ? "" : "; ") + refused_[i].message;
  if (refused_.size() > kMaxMessages) message += fmt::format("; and {} more", refused_.size() - kMaxMessages);
  throw ApiError(400, refused_.front().code, refused_.front().path, message);
}

std::string FieldReport::source(const Json& value) {
  if (!value.is_object() || text_.empty()) return to_text(value);
  if (!source_) source_.emplace(body_, text_);
  const std::string_view text = source_->of(value);
  return text.empty() ? to_text(value) : std::string(text);
}

Fields::Fields(const Json& body, Hints hints, std::string_view text)
    : object_(body), report_(std::make_shared<FieldReport>(body, hints, text)) {
  if (!body.is_object()) server::refuse("", "the body must be an object, not {}", body.type_name());
}

Fields::Fields(const Fields& parent, const Json& object, std::string path)
    : object_(object), path_(std::move(path)), report_(parent.report_) {
  if (!object.is_object()) server::refuse(path_, "{} must be an object, not {}", path_, object.type_name());
}

const Json* Fields::find(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& Fields::required(const std::string& name) {
  if (const Json* value = find(name)) return *value;
  report_->refuse("missing_required_parameter", path_of(name), path_of(name) + " is missing");
  check();
  throw ApiError(400, "missing_required_parameter", path_of(name), path_of(name) + " is missing");
}

std::optional<bool> Fields::flag(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  refuse_value(name, fmt::format("{} must be true or false, not {}", path_of(name), value->type_name()));
  return std::nullopt;
}

std::optional<int64_t> Fields::integer(const std::string& name, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const std::optional<int64_t> x = whole_number(*value);
  if (x && *x >= least && *x <= most) return x;
  refuse_value(name, fmt::format("{} must be a whole number from {} to {}, not {}", path_of(name), least,
                                 most, in_quotes(to_text(*value))));
  return std::nullopt;
}

std::optional<int64_t> Fields::clamped_integer(const std::string& name, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_number() && value->get<double>() >= static_cast<double>(most)) return most;
  return integer(name, least, most);
}

std::optional<double> Fields::number(const std::string& name, double least, double most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const double x = value->is_number() ? value->get<double>() : std::nan("");
  if (x >= least && x <= most) return x;
  refuse_value(name, fmt::format("{} must be a number from {} to {}, not {}", path_of(name), least, most,
                                 in_quotes(to_text(*value))));
  return std::nullopt;
}

std::optional<std::string> Fields::text(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  refuse_value(name, fmt::format("{} must be a string, not {}", path_of(name), value->type_name()));
  return std::nullopt;
}

const Json* Fields::object(const std::string& name) {
  const Json* value = find(name);
  if (!value || value->is_object()) return value;
  refuse_value(name, fmt::format("{} must be an object, not {}", path_of(name), value->type_name()));
  return nullptr;
}

std::optional<std::vector<std::string>> Fields::texts(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return std::vector{value->get<std::string>()};
  const auto is_string = [](const Json& item) { return item.is_string(); };
  if (value->is_array() && std::all_of(value->begin(), value->end(), is_string))
    return value->get<std::vector<std::string>>();
  refuse_value(name, path_of(name) + " must be a string or an array of strings");
  return std::nullopt;
}

std::optional<std::vector<int32_t>> Fields::integers(const std::string& name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  const auto is_id = [](const Json& item) {
    return item.is_number_integer() && item.get<int64_t>() >= 0 && item.get<int64_t>() <= INT32_MAX;
  };
  if (value->is_array() && std::all_of(value->begin(), value->end(), is_id))
    return value->get<std::vector<int32_t>>();
  refuse_value(name, path_of(name) + " must be an array of token ids");
  return std::nullopt;
}

void Fields::hint(const std::string& name, const std::vector<Json>& neutral) {
  const Json* value = find(name);
  if (!value || is_one_of(*value, neutral)) return;
  if (report_->hints() == Hints::kRefused)
    report_->refuse("unsupported_parameter", path_of(name),
                    path_of(name) + ": has no effect here, and this server refuses such fields (--strict)");
  else
    report_->ignore(path_of(name));
}

void Fields::refuse(const std::string& name, const char* why, const std::vector<Json>& neutral) {
  const Json* value = find(name);
  if (value && !is_one_of(*value, neutral))
    report_->refuse("unsupported_parameter", path_of(name), path_of(name) + ": " + why);
}

void Fields::refuse_value(const std::string& name, const std::string& message, const char* code) {
  report_->refuse(code, path_of(name), message);
}

void Fields::hint_others() {
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name)) hint(name);
}

void Fields::refuse_others() {
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name) && !value.is_null())
      report_->refuse("unknown_parameter", path_of(name), "there is no field " + in_quotes(path_of(name)));
  if (path_.empty()) check();
}

}  // namespace ferrum::server
