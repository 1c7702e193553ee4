// Iterates over anything that a template can iterate over: lists, tuples, the keys of dictionaries, the
// characters of strings, ranges, generators, views. An undefined value has no items.
#pragma once
#include <optional>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Cursor {
 public:
  Cursor(Runtime& runtime, Value iterable);  // throws Failure: 'int' object is not iterable

  std::optional<Value> next();  // costs a step

 private:
  Runtime* runtime_;
  Value iterable_;
  size_t at_ = 0;  // an index; for a string, a byte
};

bool is_iterable(const Value& value);
std::vector<Value> items_of(Runtime& runtime, const Value& iterable);  // all remaining items

}  // namespace ferrum::jinja
