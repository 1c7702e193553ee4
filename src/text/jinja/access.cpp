// object.name, object[key], object[a:b:c] and len(object).
#include <algorithm>

#include "base/error.h"
#include "text/jinja/failure.h"
#include "text/jinja/methods.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

// Python's slice.indices: first index, step, and number of items.
struct Indices {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  size_t count = 0;
};

std::optional<int64_t> bound(const Value& value) {
  if (value.is_none()) return std::nullopt;
  if (const std::optional<int64_t> i = as_integer(value)) return i;
  require_defined(value);
  raise_error("slice indices must be integers or None or have an __index__ method");
}

Indices indices(const SliceBounds& bounds, size_t size) {
  const auto length = static_cast<int64_t>(size);
  const int64_t step = bound(bounds.step).value_or(1);
  if (step == 0) raise_error("slice step cannot be zero");
  const int64_t lowest = step < 0 ? -1 : 0;
  const int64_t highest = step < 0 ? length - 1 : length;
  const auto clamp = [&](std::optional<int64_t> index, int64_t otherwise) {
    if (!index) return otherwise;
    if (*index < 0) return std::max(*index < -length ? lowest : *index + length, lowest);
    return std::min(*index, highest);
  };
  const int64_t start = clamp(bound(bounds.start), step < 0 ? highest : 0);
  const int64_t stop = clamp(bound(bounds.stop), step < 0 ? lowest : length);
  const int64_t distance = step < 0 ? start - stop : stop - start;
  if (distance <= 0) return {start, stop, step, 0};
  const uint64_t stride = step < 0 ? -static_cast<uint64_t>(step) : static_cast<uint64_t>(step);
  return {start, stop, step, static_cast<size_t>((static_cast<uint64_t>(distance) - 1) / stride + 1)};
}

// A fast path for s[:n] and s[n:] with small n, common in templates: does not scan the rest of a long text.
std::optional<Text> slice_near_an_end(Runtime& runtime, const Text& text, const SliceBounds& bounds) {
  if (!bounds.step.is_none()) return std::nullopt;
  const int64_t start = bound(bounds.start).value_or(0);
  const std::optional<int64_t> stop = bound(bounds.stop);
  const auto byte_at = [&](int64_t index) -> size_t {
    if (index >= 0) return byte_of_code_point(text.view(), static_cast<size_t>(index));
    return byte_of_last_code_points(text.view(), -static_cast<size_t>(index)).value_or(0);
  };
  const size_t begin = byte_at(start);
  const size_t end = stop ? byte_at(*stop) : text.size();
  runtime.budget.walk((start < 0 ? text.size() - begin : begin) +
                      (stop && *stop < 0 ? text.size() - end : end));
  return begin < end ? text.slice(begin, end - begin) : Text();
}

Text slice_text(Runtime& runtime, const Text& text, const SliceBounds& bounds) {
  if (const std::optional<Text> quick = slice_near_an_end(runtime, text, bounds)) return *quick;
  std::vector<size_t> starts;  // byte offset of every code point
  runtime.budget.make(text.size(), sizeof(size_t));
  for (size_t at = 0; at < text.size(); at += code_point_size(text.view().substr(at))) starts.push_back(at);
  const Indices picked = indices(bounds, starts.size());
  TextBuilder out(runtime.budget);
  int64_t index = picked.start;
  for (size_t i = 0; i < picked.count; ++i) {
    const size_t begin = starts[static_cast<size_t>(index)];
    out.append(text.slice(begin, code_point_size(text.view().substr(begin))));
    if (i + 1 < picked.count) index += picked.step;
  }
  return out.take();
}

std::vector<Value> slice_items(Runtime& runtime, const std::vector<Value>& items, const SliceBounds& bounds) {
  const Indices picked = indices(bounds, items.size());
  runtime.budget.make(picked.count, sizeof(Value));
  std::vector<Value> result;
  result.reserve(picked.count);
  int64_t index = picked.start;
  for (size_t i = 0; i < picked.count; ++i) {
    result.push_back(items[static_cast<size_t>(index)]);
    if (i + 1 < picked.count) index += picked.step;
  }
  return result;
}

Value unsafe_attribute(const Value& object, std::string_view name) {
  return Value::undefined(
      fmt::format("access to attribute {} of '{}' object is unsafe.", in_quotes(name), type_name(object)));
}

// The undefined value for a missing attribute, in the words of Jinja: "… has no attribute 'x'".
Value missing(const Value& object, std::string_view name) {
  if (object.is_none()) return Value::undefined(fmt::format("'None' has no attribute {}", in_quotes(name)));
  return Value::undefined(fmt::format("'{} object' has no attribute {}", type_name(object), in_quotes(name)));
}

// An item of a container; nullopt where Python would raise an exception.
std::optional<Value> item(Runtime& runtime, const Value& object, const Value& key) {
  if (const Dict* dict = object.dict()) {
    if (key.items() && !key.get<Tuple>()) return std::nullopt;
    if (key.dict()) return std::nullopt;
    const Value* found = dict->find(runtime.budget, key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (Object* other = object.object()) return other->subscript(runtime, key);
  const std::optional<int64_t> index = as_integer(key);
  if (!index) return std::nullopt;
  if (const auto* items = object.items()) {
    const auto size = static_cast<int64_t>(items->size());
    const int64_t at = *index < 0 ? *index + size : *index;
    return at >= 0 && at < size ? std::optional((*items)[static_cast<size_t>(at)]) : std::nullopt;
  }
  if (const String* string = object.get<String>()) {
    const std::string_view text = string->text.view();
    if (*index < -static_cast<int64_t>(text.size()) || *index >= static_cast<int64_t>(text.size()))
      return std::nullopt;
    const std::optional<size_t> at = *index < 0 ? byte_of_last_code_points(text, static_cast<size_t>(-*index))
                                                : byte_of_code_point(text, static_cast<size_t>(*index));
    runtime.budget.walk(*index < 0 ? text.size() - at.value_or(0) : *at);
    if (!at || *at == text.size()) return std::nullopt;
    return Value(String{string->text.slice(*at, code_point_size(text.substr(*at))), string->markup});
  }
  return std::nullopt;
}

// The result of Python's getattr; nullopt where it would raise an exception.
std::optional<Value> own_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  if (name.starts_with("__") && name.ends_with("__") && name.size() > 4)
    return unsafe_attribute(object, name);
  switch (find_method(object, name)) {
    case MethodAccess::kNone:
      break;
    case MethodAccess::kMutates:
      return unsafe_attribute(object, name);
    case MethodAccess::kAllowed:
      return bind_method(object, name);
  }
  if (const Tuple* tuple = object.get<Tuple>()) {
    const auto names = tuple->items->names;
    const auto it = std::find(names.begin(), names.end(), name);
    if (it != names.end()) return tuple->items->values[static_cast<size_t>(it - names.begin())];
  }
  if (Object* other = object.object()) {
    if (std::optional<Value> found = other->attribute(runtime, name)) {
      if (name.starts_with('_')) return unsafe_attribute(object, name);
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

Value attribute(Runtime& runtime, const Value& object, std::string_view name) {
  require_defined(object);
  runtime.budget.scan(name.size());
  if (std::optional<Value> found = own_attribute(runtime, object, name)) return std::move(*found);
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(name)) return *found;
  }
  return missing(object, name);
}

Value python_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  require_defined(object);
  runtime.budget.scan(name.size());
  if (std::optional<Value> found = own_attribute(runtime, object, name)) return std::move(*found);
  return missing(object, name);
}

Value subscript(Runtime& runtime, const Value& object, const Value& key) {
  require_defined(object);
  if (std::optional<Value> found = item(runtime, object, key)) return std::move(*found);
  if (const Text* name = key.text()) {
    runtime.budget.scan(name->size());
    if (std::optional<Value> found = own_attribute(runtime, object, name->view())) return std::move(*found);
    return missing(object, name->view());
  }
  if (const std::optional<int64_t> index = as_integer(key))
    return Value::undefined(fmt::format("{} object has no element {}", type_name(object), *index));
  return Value::undefined(
      fmt::format("{} object has no element of type {}", type_name(object), type_name(key)));
}

Value slice(Runtime& runtime, const Value& object, const SliceBounds& bounds) {
  require_defined(object);
  if (const String* string = object.get<String>())
    return String{slice_text(runtime, string->text, bounds), string->markup};
  if (object.get<List>()) return make_list(runtime.budget, slice_items(runtime, *object.items(), bounds));
  if (object.get<Tuple>()) return make_tuple(runtime.budget, slice_items(runtime, *object.items(), bounds));
  if (const auto* range = object.object_as<Range>()) {
    const Indices picked = indices(bounds, *range->length());
    return std::static_pointer_cast<Object>(range->part(picked.start, picked.stop, picked.step));
  }
  if (object.dict()) raise_error("unhashable type: 'slice'");
  raise_error("'{}' object is not subscriptable", type_name(object));
}

size_t length_of(Runtime& runtime, const Value& value) {
  if (const auto* items = value.items()) return items->size();
  if (const Dict* dict = value.dict()) return dict->entries().size();
  if (const Text* text = value.text()) {
    runtime.budget.scan(text->size());
    return count_code_points(text->view());
  }
  if (value.is_undefined()) return 0;
  if (const Object* object = value.object()) {
    if (const std::optional<size_t> length = object->length()) return *length;
  }
  raise_error("object of type '{}' has no len()", type_name(value));
}

}  // namespace ferrum::jinja
