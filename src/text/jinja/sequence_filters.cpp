// Filters on whole sequences.
#include <algorithm>
#include <array>

#include "text/jinja/attribute_path.h"
#include "text/jinja/cursor.h"
#include "text/jinja/failure.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"
#include "text/jinja/repr.h"
#include "text/jinja/strings.h"

namespace ferrum::jinja {
namespace {

using Letters = SortKey::Letters;

Letters letters(bool case_sensitive) { return case_sensitive ? Letters::kExact : Letters::kIgnoreCase; }

Value default_filter(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("default", {"default_value", "boolean"}, arguments);
  const bool use = input.is_undefined() || (p.flag(1, false) && !is_truthy(input));
  if (!use) return input;
  return p.find(0) ? *p.find(0) : Value(Text());
}

Value length(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("length", {}, arguments);
  return Value::of_size(length_of(runtime, input));
}

Value list(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("list", {}, arguments);
  return make_list(runtime.budget, items_of(runtime, input));
}

Value first(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("first", {}, arguments);
  std::optional<Value> item = Cursor(runtime, input).next();
  return item ? *item : Value::undefined("No first item, sequence was empty.");
}

bool is_reversible(const Value& value) { return is_iterable(value) && !value.object_as<Generator>(); }

Value last(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("last", {}, arguments);
  if (!is_reversible(input)) raise_error("'{}' object is not reversible", type_name(input));
  if (input.items() && !input.items()->empty()) return input.items()->back();
  const std::vector<Value> items = items_of(runtime, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("reverse", {}, arguments);
  if (input.is_string()) return slice(runtime, input, {.step = -1});
  std::vector<Value> items = items_of(runtime, input);
  std::reverse(items.begin(), items.end());
  return is_reversible(input) ? Generator::make(runtime.budget, std::move(items))
                              : make_list(runtime.budget, std::move(items));
}

Value join(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("join", {"d", "attribute"}, arguments);
  const Text separator = p.find(0) ? to_str(runtime, p.at(0)) : Text();
  std::optional<AttributePath> path;
  if (p.given(1)) path.emplace(runtime, p.at(1));
  TextBuilder out(runtime.budget);
  Cursor cursor(runtime, input);
  for (bool is_first = true; const std::optional<Value> item = cursor.next(); is_first = false) {
    if (!is_first) out.append(separator);
    append_str(runtime, out, path ? path->of(runtime, *item) : *item);
  }
  return out.take();
}

// --- order ---

struct Keyed {
  Value key, value;
};

std::vector<Keyed> keyed(Runtime& runtime, const Value& input, const SortKey& key) {
  std::vector<Keyed> items;
  Cursor cursor(runtime, input);
  while (std::optional<Value> item = cursor.next()) {
    runtime.budget.make(sizeof(Keyed));
    items.push_back({key.of(runtime, *item), std::move(*item)});
  }
  return items;
}

// Equal items keep their order, also in descending order.
void sort_by_key(Runtime& runtime, std::vector<Keyed>& items, bool descending) {
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    return descending ? less(runtime, b.key, a.key) : less(runtime, a.key, b.key);
  });
}

std::vector<Value> values_of(std::vector<Keyed> items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (Keyed& item : items) values.push_back(std::move(item.value));
  return values;
}

Value sort(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("sort", {"reverse", "case_sensitive", "attribute"}, arguments);
  const SortKey key(runtime, p.find(2), letters(p.flag(1, false)));
  std::vector<Keyed> items = keyed(runtime, input, key);
  sort_by_key(runtime, items, p.flag(0, false));
  return make_list(runtime.budget, values_of(std::move(items)));
}

Value dictsort(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("dictsort", {"case_sensitive", "by", "reverse"}, arguments);
  require_defined(input);
  const Dict* dict = input.dict();
  if (!dict) raise_error("dictsort takes a dict, not {}", type_name(input));
  const Text by = p.text(1, "key");
  if (by.view() != "key" && by.view() != "value")
    raise_error("You can only sort by either \"key\" or \"value\"");
  const SortKey key(runtime, nullptr, letters(p.flag(0, false)));
  std::vector<Keyed> items;
  for (const auto& [name, value] : dict->entries())
    items.push_back(
        {key.of(runtime, by.view() == "key" ? name : value), make_tuple(runtime.budget, {name, value})});
  sort_by_key(runtime, items, p.flag(2, false));
  return make_list(runtime.budget, values_of(std::move(items)));
}

template <bool largest>
Value extreme(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p(largest ? "max" : "min", {"case_sensitive", "attribute"}, arguments);
  const SortKey key(runtime, p.find(1), letters(p.flag(0, false)));
  std::optional<Keyed> best;
  Cursor cursor(runtime, input);
  while (std::optional<Value> item = cursor.next()) {
    Keyed candidate{key.of(runtime, *item), *item};
    const bool better = !best || (largest ? less(runtime, best->key, candidate.key)
                                          : less(runtime, candidate.key, best->key));
    if (better) best = std::move(candidate);
  }
  return best ? best->value : Value::undefined("No aggregated item, sequence was empty.");
}

Value unique(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("unique", {"case_sensitive", "attribute"}, arguments);
  const SortKey key(runtime, p.find(1), letters(p.flag(0, false)));
  Dict seen;
  std::vector<Value> values;
  for (Keyed& item : keyed(runtime, input, key)) {
    if (seen.find(runtime.budget, item.key)) continue;
    runtime.budget.make(sizeof(Dict::Entry));
    seen.set(runtime.budget, std::move(item.key), true);
    values.push_back(std::move(item.value));
  }
  return Generator::make(runtime.budget, std::move(values));
}

constexpr std::array<std::string_view, 2> kGroupNames = {"grouper", "list"};

Value groupby(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("groupby", {"attribute", "default", "case_sensitive"}, arguments);
  const AttributePath path(runtime, p.at(0), p.given(1) ? std::optional(p.at(1)) : std::nullopt);
  const SortKey plain(runtime, nullptr, letters(p.flag(2, false)));
  std::vector<Keyed> items;
  Cursor cursor(runtime, input);
  while (std::optional<Value> item = cursor.next()) {
    runtime.budget.make(sizeof(Keyed));
    items.push_back({plain.of(runtime, path.of(runtime, *item)), std::move(*item)});
  }
  sort_by_key(runtime, items, false);
  std::vector<Value> groups;
  for (size_t i = 0; i < items.size();) {
    const Value key = items[i].key;
    const Value grouper = path.of(runtime, items[i].value);
    std::vector<Value> members;
    for (; i < items.size() && equal(runtime.budget, items[i].key, key); ++i)
      members.push_back(items[i].value);
    // A key that does not equal itself, such as NaN.
    if (members.empty()) members.push_back(items[i++].value);
    groups.push_back(make_named_tuple(runtime.budget, kGroupNames,
                                      {grouper, make_list(runtime.budget, std::move(members))}));
  }
  return make_list(runtime.budget, std::move(groups));
}

// --- parts and sums ---

Value sum(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("sum", {"attribute", "start"}, arguments);
  std::optional<AttributePath> path;
  if (p.given(0)) path.emplace(runtime, p.at(0));
  Value total = p.find(1) ? *p.find(1) : Value(0);
  if (total.is_string()) raise_error("sum() can't sum strings");
  Cursor cursor(runtime, input);
  while (const std::optional<Value> item = cursor.next())
    total = apply(runtime, ArithmeticOp::kAdd, total, path ? path->of(runtime, *item) : *item);
  return total;
}

Value batch(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("batch", {"linecount", "fill_with"}, arguments);
  const int64_t size = p.integer(0);
  if (size < 1) raise_error("batch takes a positive linecount");
  std::vector<Value> batches, now;
  Cursor cursor(runtime, input);
  while (std::optional<Value> item = cursor.next()) {
    if (static_cast<int64_t>(now.size()) == size)
      batches.push_back(make_list(runtime.budget, std::exchange(now, {})));
    now.push_back(std::move(*item));
  }
  if (!now.empty()) {
    if (p.given(1) && static_cast<int64_t>(now.size()) < size) {
      runtime.budget.make(static_cast<size_t>(size), sizeof(Value));
      now.resize(static_cast<size_t>(size), p.at(1));
    }
    batches.push_back(make_list(runtime.budget, std::move(now)));
  }
  return Generator::make(runtime.budget, std::move(batches));
}

Value slice_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("slice", {"slices", "fill_with"}, arguments);
  const int64_t slices = p.integer(0);
  if (slices < 1) raise_error("slice takes a positive number of slices");
  const std::vector<Value> items = items_of(runtime, input);
  const auto count = static_cast<size_t>(slices);
  runtime.budget.make(count, sizeof(Value));
  const size_t each = items.size() / count, longer = items.size() % count;
  std::vector<Value> columns;
  auto at = items.begin();
  for (size_t i = 0; i < count; ++i) {
    const size_t size = each + (i < longer ? 1 : 0);
    std::vector<Value> column(at, at + static_cast<ptrdiff_t>(size));
    at += static_cast<ptrdiff_t>(size);
    if (p.given(1) && i >= longer && longer > 0) column.push_back(p.at(1));
    columns.push_back(make_list(runtime.budget, std::move(column)));
  }
  return Generator::make(runtime.budget, std::move(columns));
}

Value items(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("items", {}, arguments);
  std::vector<Value> pairs;
  if (!input.is_undefined()) {
    const Dict* dict = input.dict();
    if (!dict) raise_error("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : dict->entries())
      pairs.push_back(make_tuple(runtime.budget, {key, value}));
  }
  return Generator::make(runtime.budget, std::move(pairs));
}

Value attr(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("attr", {"name"}, arguments);
  return python_attribute(runtime, input, p.text(0).view());
}

constexpr std::array kFilters = {
    Filter{"attr", attr},
    Filter{"batch", batch},
    Filter{"count", length},
    Filter{"d", default_filter},
    Filter{"default", default_filter},
    Filter{"dictsort", dictsort},
    Filter{"first", first},
    Filter{"groupby", groupby},
    Filter{"items", items},
    Filter{"join", join},
    Filter{"last", last},
    Filter{"length", length},
    Filter{"list", list},
    Filter{"max", extreme<true>},
    Filter{"min", extreme<false>},
    Filter{"reverse", reverse},
    Filter{"slice", slice_filter},
    Filter{"sort", sort},
    Filter{"sum", sum},
    Filter{"unique", unique},
};

}  // namespace

std::span<const Filter> sequence_filters() { return kFilters; }

}  // namespace ferrum::jinja
