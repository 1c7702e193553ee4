// "a.b.0": the attribute that filters like map and sort look at in every item.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class AttributePath {
 public:
  // `path`: a name, names with dots between them, or an index.
  AttributePath(Runtime& runtime, const Value& path, std::optional<Value> otherwise = std::nullopt);

  Value of(Runtime& runtime, const Value& item) const;

 private:
  std::vector<Value> parts_;
  std::optional<Value> otherwise_;  // what undefined parts become
};

// What to compare items by: an attribute or several, or the item itself; text in lower case unless kExact.
class SortKey {
 public:
  enum class Letters { kIgnoreCase, kExact };
  SortKey(Runtime& runtime, const Value* attribute, Letters letters);

  Value of(Runtime& runtime, const Value& item) const;

 private:
  Value comparable(Runtime& runtime, const Value& value) const;

  std::vector<AttributePath> paths_;  // none: the item itself
  bool is_list_ = false;              // several paths: a list of what they give
  Letters letters_;
};

}  // namespace ferrum::jinja
