#include "checkpoint/json_view.h"

#include "base/error.h"

namespace ferrum {

void JsonView::refuse(std::string_view why) const { fail(ErrorCode::kBadFile, "{}: {} {}", source(), field(), why); }

std::optional<JsonView> JsonView::find(std::string_view key) const {
  if (!value_->is_object()) refuse(fmt::format("is {}, expected an object", value_->type_name()));
  const auto it = value_->find(key);
  if (it == value_->end() || it->is_null()) return std::nullopt;
  return JsonView(*it, *source_, path_.empty() ? std::string(key) : path_ + "." + std::string(key));
}

JsonView JsonView::at(std::string_view key) const {
  if (auto found = find(key)) return *found;
  refuse(fmt::format("has no '{}'", key));
}

size_t JsonView::size() const {
  if (!value_->is_array()) refuse(fmt::format("is {}, expected an array", value_->type_name()));
  return value_->size();
}

JsonView JsonView::element(size_t i) const {
  if (i >= size()) refuse(fmt::format("has {} elements, expected more than {}", size(), i));
  return JsonView((*value_)[i], *source_, fmt::format("{}[{}]", path_, i));
}

const std::string& JsonView::string() const {
  if (!value_->is_string()) refuse(fmt::format("is {}, expected a string", value_->type_name()));
  return value_->get_ref<const std::string&>();
}

bool JsonView::boolean() const {
  if (!value_->is_boolean()) refuse(fmt::format("is {}, expected true or false", value_->type_name()));
  return value_->get<bool>();
}

double JsonView::number() const {
  if (!value_->is_number()) refuse(fmt::format("is {}, expected a number", value_->type_name()));
  return value_->get<double>();
}

int64_t JsonView::integer(int64_t low, int64_t high) const {
  if (!value_->is_number_integer()) refuse(fmt::format("is {}, expected an integer", value_->type_name()));
  const bool is_huge = value_->is_number_unsigned() && value_->get<uint64_t>() > uint64_t{INT64_MAX};
  const auto n = is_huge ? INT64_MAX : value_->get<int64_t>();
  if (is_huge || n < low || n > high) refuse(fmt::format("is {}, expected {} to {}", value_->dump(), low, high));
  return n;
}

std::string JsonView::string_or(std::string_view key, std::string_view fallback) const {
  const auto found = find(key);
  return found ? found->string() : std::string(fallback);
}

bool JsonView::boolean_or(std::string_view key, bool fallback) const {
  const auto found = find(key);
  return found ? found->boolean() : fallback;
}

}  // namespace ferrum
