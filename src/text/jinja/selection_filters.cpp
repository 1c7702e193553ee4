// map, select and reject: filters that apply other filters and tests to every item.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/tests.h"

namespace ferrum::jinja {
namespace {

// The arguments after the first `count` positional ones.
Arguments without_first(const Arguments& arguments, size_t count) {
  const auto from =
      arguments.positional.begin() + static_cast<ptrdiff_t>(std::min(count, arguments.positional.size()));
  return {{from, arguments.positional.end()}, arguments.named};
}

const Text& name_argument(const Arguments& arguments, size_t index, std::string_view what) {
  if (index >= arguments.positional.size()) raise_error("the name of a {} is missing", what);
  const Text* name = arguments.positional[index].text();
  if (!name)
    raise_error("the name of a {} must be str, not {}", what, type_name(arguments.positional[index]));
  return *name;
}

Value map_attribute(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Value* attribute = nullptr;
  std::optional<Value> otherwise;
  for (const auto& [name, value] : arguments.named) {
    if (name == "attribute")
      attribute = &value;
    else if (name != "default")
      raise_error("map() got an unexpected keyword argument {}", in_quotes(name));
    else if (!value.is_none())
      otherwise = value;
  }
  if (!attribute) raise_error("map requires a filter argument");
  const AttributePath path(runtime, *attribute, std::move(otherwise));
  std::vector<Value> values;
  Cursor cursor(runtime, input);
  while (const std::optional<Value> item = cursor.next()) {
    runtime.budget.make(sizeof(Value));
    values.push_back(path.of(runtime, *item));
  }
  return Generator::make(runtime.budget, std::move(values));
}

Value map(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!is_truthy(input)) return Generator::make(runtime.budget, {});
  if (arguments.positional.empty()) return map_attribute(runtime, input, arguments);
  const Text& name = name_argument(arguments, 0, "filter");
  const Filter* filter = find_filter(name.view());
  if (!filter) raise_error("no filter named {}", in_quotes(name.view()));
  const Arguments rest = without_first(arguments, 1);
  std::vector<Value> values;
  Cursor cursor(runtime, input);
  while (const std::optional<Value> item = cursor.next()) {
    runtime.budget.make(sizeof(Value));
    values.push_back(filter->apply(runtime, *item, rest));
  }
  return Generator::make(runtime.budget, std::move(values));
}

enum class Keep { kMatching, kOthers };
enum class Look { kAtItem, kAtAttribute };

template <Keep keep, Look look>
Value choose(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!is_truthy(input)) return Generator::make(runtime.budget, {});
  constexpr size_t kTestAt = look == Look::kAtAttribute ? 1 : 0;
  std::optional<AttributePath> path;
  if (look == Look::kAtAttribute) {
    if (arguments.positional.empty()) raise_error("Missing parameter for attribute name");
    path.emplace(runtime, arguments.positional[0]);
  }
  const Test* test = nullptr;
  if (arguments.positional.size() > kTestAt) {
    const Text& name = name_argument(arguments, kTestAt, "test");
    test = find_test(name.view());
    if (!test) raise_error("no test named {}", in_quotes(name.view()));
  }
  const Arguments rest = without_first(arguments, kTestAt + 1);
  std::vector<Value> values;
  Cursor cursor(runtime, input);
  while (std::optional<Value> item = cursor.next()) {
    const Value subject = path ? path->of(runtime, *item) : *item;
    const bool matches = test ? test->holds(runtime, subject, rest) : is_truthy(subject);
    if (matches != (keep == Keep::kMatching)) continue;
    runtime.budget.make(sizeof(Value));
    values.push_back(std::move(*item));
  }
  return Generator::make(runtime.budget, std::move(values));
}

constexpr std::array kFilters = {
    Filter{"map", map},
    Filter{"reject", choose<Keep::kOthers, Look::kAtItem>},
    Filter{"rejectattr", choose<Keep::kOthers, Look::kAtAttribute>},
    Filter{"select", choose<Keep::kMatching, Look::kAtItem>},
    Filter{"selectattr", choose<Keep::kMatching, Look::kAtAttribute>},
};

}  // namespace

std::span<const Filter> selection_filters() { return kFilters; }

}  // namespace ferrum::jinja
