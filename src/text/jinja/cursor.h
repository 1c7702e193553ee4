// Walks over whatever a template can iterate: lists, tuples, the keys of dictionaries, the characters of
// strings, ranges, generators, views; and nothing in an undefined value.
#pragma once
#include <optional>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Cursor {
 public:
  Cursor(Runtime& runtime, Value iterable);  // Failure: 'int' object is not iterable

  std::optional<Value> next();  // costs a step

 private:
  Runtime* runtime_;
  Value iterable_;
  size_t at_ = 0;  // an index; for a string, a byte
};

bool is_iterable(const Value& value);
std::vector<Value> items_of(Runtime& runtime, const Value& iterable);  // all that is left of it

}  // namespace ferrum::jinja
