#include "text/jinja/attribute_path.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

Value part_of_path(const Text& part) {
  const std::string_view text = part.view();
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  int64_t index = 0;
  if (digits && std::from_chars(text.data(), text.data() + text.size(), index).ec == std::errc())
    return index;
  return part;
}

std::vector<Text> pieces(Runtime& runtime, const Text& text, char separator) {
  std::vector<Text> result;
  std::string_view rest = text.view();
  while (true) {
    runtime.budget.step();
    const size_t end = std::min(rest.find(separator), rest.size());
    result.push_back(end == 0 ? Text() : text.slice(rest.substr(0, end)));
    if (end == rest.size()) return result;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

AttributePath::AttributePath(Runtime& runtime, const Value& path, std::optional<Value> otherwise)
    : otherwise_(std::move(otherwise)) {
  if (const Text* text = path.text()) {
    for (const Text& piece : pieces(runtime, *text, '.')) parts_.push_back(part_of_path(piece));
  } else {
    parts_.push_back(path);
  }
}

Value AttributePath::of(Runtime& runtime, const Value& item) const {
  Value value = item;
  for (const Value& part : parts_) {
    runtime.budget.step();
    value = subscript(runtime, value, part);
    if (otherwise_ && value.is_undefined()) value = *otherwise_;
  }
  return value;
}

SortKey::SortKey(Runtime& runtime, const Value* attribute, Letters letters) : letters_(letters) {
  if (!attribute || attribute->is_none()) return;
  const Text* text = attribute->text();
  if (!text) {
    paths_.emplace_back(runtime, *attribute);
    return;
  }
  for (const Text& path : pieces(runtime, *text, ',')) paths_.emplace_back(runtime, path);
  is_list_ = paths_.size() > 1;
}

Value SortKey::comparable(Runtime& runtime, const Value& value) const {
  if (letters_ == Letters::kExact || !value.is_string()) return value;
  return to_lower(runtime.budget, *value.text());
}

Value SortKey::of(Runtime& runtime, const Value& item) const {
  if (paths_.empty()) return comparable(runtime, item);
  if (!is_list_) return comparable(runtime, paths_[0].of(runtime, item));
  std::vector<Value> keys;
  for (const AttributePath& path : paths_) keys.push_back(comparable(runtime, path.of(runtime, item)));
  return make_list(runtime.budget, std::move(keys));
}

}  // namespace ferrum::jinja
