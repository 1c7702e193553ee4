// "a.b.0": the attribute of each item that filters like map and sort use.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class AttributePath {
 public:
  // `path`: a name, names separated by dots, or an index.
  AttributePath(Runtime& runtime, const Value& path, std::optional<Value> otherwise = std::nullopt);

  Value of(Runtime& runtime, const Value& item) const;

 private:
  std::vector<Value> parts_;
  std::optional<Value> otherwise_;  // replaces undefined parts
};

// The key that items are compared by: attributes, or the item itself; lower-case text unless kExact.
class SortKey {
 public:
  enum class Letters { kIgnoreCase, kExact };
  SortKey(Runtime& runtime, const Value* attribute, Letters letters);

  Value of(Runtime& runtime, const Value& item) const;

 private:
  Value comparable(Runtime& runtime, const Value& value) const;

  std::vector<AttributePath> paths_;  // empty: the item itself
  bool is_list_ = false;              // with several paths, the key is a list of their values
  Letters letters_;
};

}  // namespace ferrum::jinja
