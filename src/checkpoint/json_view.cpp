#include "checkpoint/json_view.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/log.h"

namespace ferrum {
namespace {

// As JSON, but with the words for what JSON cannot say: "8.5", "nan".
std::string number_text(const Json& number) {
  return number.is_number_float() ? fmt::format("{}", number.get<double>()) : number.dump();
}

template <class Read>
auto elements(const JsonView& array, Read read) {
  std::vector<decltype(read(array))> out;
  out.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) out.push_back(read(array.element(i)));
  return out;
}

}  // namespace

void JsonView::refuse(std::string_view why) const {
  fail(ErrorCode::kBadFile, "{}: {} {}", source(), field(), why);
}

void JsonView::warn(std::string_view why) const { log::warn("{}: {} {}", source(), field(), why); }

std::optional<JsonView> JsonView::find(std::string_view key) const {
  if (!value_->is_object()) refuse(fmt::format("is {}, expected an object", value_->type_name()));
  const auto it = value_->find(key);
  if (it == value_->end() || it->is_null()) return std::nullopt;
  return JsonView(*it, *source_, path_of(key));
}

std::string JsonView::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::string JsonView::place(std::string_view key) const { return source() + ": " + path_of(key); }

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
  if (!value_->is_number()) refuse(fmt::format("is {}, expected an integer", value_->type_name()));
  bool is_huge = value_->is_number_unsigned() && value_->get<uint64_t>() > uint64_t{INT64_MAX};
  if (value_->is_number_float()) {
    const auto number = value_->get<double>();
    if (number != std::trunc(number) || std::isinf(number))  // NaN is unequal to itself
      refuse(fmt::format("is the number {}, expected an integer", number_text(*value_)));
    is_huge = std::abs(number) >= 0x1p63;
  }
  const auto n = is_huge ? INT64_MAX : value_->get<int64_t>();
  if (is_huge || n < low || n > high)
    refuse(fmt::format("is {}, expected {} to {}", number_text(*value_), low, high));
  return n;
}

int JsonView::integer() const {
  return static_cast<int>(integer(std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

std::optional<int> JsonView::find_integer(std::string_view key) const {
  const auto found = find(key);
  return found ? std::optional(found->integer()) : std::nullopt;
}

std::optional<double> JsonView::find_number(std::string_view key) const {
  const auto found = find(key);
  return found ? std::optional(found->number()) : std::nullopt;
}

std::optional<bool> JsonView::find_boolean(std::string_view key) const {
  const auto found = find(key);
  return found ? std::optional(found->boolean()) : std::nullopt;
}

std::optional<std::string> JsonView::find_string(std::string_view key) const {
  const auto found = find(key);
  return found ? std::optional(found->string()) : std::nullopt;
}

std::optional<std::vector<int>> JsonView::find_integers(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::nullopt;
  return found->is_array() ? elements(*found, [](const JsonView& v) { return v.integer(); })
                           : std::vector{found->integer()};
}

std::optional<std::vector<float>> JsonView::find_numbers(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::nullopt;
  return elements(*found, [](const JsonView& v) { return static_cast<float>(v.number()); });
}

std::optional<std::vector<std::string>> JsonView::find_strings(std::string_view key) const {
  const auto found = find(key);
  if (!found) return std::nullopt;
  return found->is_string() ? std::vector{found->string()}
                            : elements(*found, [](const JsonView& v) { return v.string(); });
}

bool JsonView::contains(std::string_view key) const { return value_->contains(key); }

std::string JsonView::string_or(std::string_view key, std::string_view fallback) const {
  const auto found = find(key);
  return found ? found->string() : std::string(fallback);
}

bool JsonView::boolean_or(std::string_view key, bool fallback) const {
  const auto found = find(key);
  return found ? found->boolean() : fallback;
}

}  // namespace ferrum
