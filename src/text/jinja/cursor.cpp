#include "text/jinja/cursor.h"

#include "text/jinja/failure.h"
#include "text/jinja/operators.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {

bool is_iterable(const Value& value) {
  if (const Object* object = value.object()) return object->is_iterable();
  return value.is_undefined() || value.is_string() || value.items() || value.dict();
}

Cursor::Cursor(Runtime& runtime, Value iterable) : runtime_(&runtime), iterable_(std::move(iterable)) {
  if (!is_iterable(iterable_)) raise_error("'{}' object is not iterable", type_name(iterable_));
}

std::optional<Value> Cursor::next() {
  runtime_->budget.step();
  if (const auto* items = iterable_.items()) {
    if (at_ >= items->size()) return std::nullopt;
    return (*items)[at_++];
  }
  if (const Text* text = iterable_.text()) {
    if (at_ >= text->size()) return std::nullopt;
    const size_t size = code_point_size(text->view().substr(at_));
    at_ += size;
    return Value(text->slice(at_ - size, size));
  }
  if (const Dict* dict = iterable_.dict()) {
    if (at_ >= dict->entries().size()) return std::nullopt;
    return dict->entries()[at_++].first;
  }
  if (Object* object = iterable_.object()) return object->item(*runtime_, at_++);
  return std::nullopt;
}

std::vector<Value> items_of(Runtime& runtime, const Value& iterable) {
  std::vector<Value> items;
  Cursor cursor(runtime, iterable);
  while (std::optional<Value> item = cursor.next()) {
    runtime.budget.make(sizeof(Value));
    items.push_back(std::move(*item));
  }
  return items;
}

}  // namespace ferrum::jinja
