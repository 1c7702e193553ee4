#include "text/jinja/value.h"

#include <algorithm>
#include <functional>

#include "text/jinja/failure.h"
#include "text/jinja/operators.h"

namespace ferrum::jinja {

Value Value::undefined(std::string why) {
  Value value;
  value.storage_ = Undefined{std::make_shared<const std::string>(std::move(why))};
  return value;
}

const std::vector<Value>* Value::items() const {
  if (const List* list = get<List>()) return &list->items->values;
  if (const Tuple* tuple = get<Tuple>()) return &tuple->items->values;
  return nullptr;
}

int Value::depth() const {
  if (const List* list = get<List>()) return list->items->depth;
  if (const Tuple* tuple = get<Tuple>()) return tuple->items->depth;
  if (const Dict* d = dict()) return d->depth();
  if (const Object* o = object()) return o->depth();
  return 0;
}

namespace {

std::shared_ptr<Items> make_items(Budget& budget, std::vector<Value> values) {
  budget.make(values.size() + 1, sizeof(Value));
  auto items = std::make_shared<Items>();
  for (const Value& value : values) items->depth = std::max(items->depth, value.depth() + 1);
  budget.check_depth(items->depth);
  items->values = std::move(values);
  return items;
}

}  // namespace

Value make_list(Budget& budget, std::vector<Value> values) {
  return List{make_items(budget, std::move(values))};
}

Value make_tuple(Budget& budget, std::vector<Value> values) {
  return Tuple{make_items(budget, std::move(values))};
}

Value make_named_tuple(Budget& budget, std::span<const std::string_view> names, std::vector<Value> values) {
  const std::shared_ptr<Items> items = make_items(budget, std::move(values));
  items->names = names;
  return Tuple{items};
}

Value make_dict(Budget& budget, Dict dict) {
  budget.make(dict.entries().size() + 1, sizeof(Dict::Entry));
  budget.check_depth(dict.depth());
  return std::make_shared<const Dict>(std::move(dict));
}

std::optional<size_t> Dict::position(Budget& budget, const Value& key, size_t hash) const {
  if (entries_.size() <= kSearched) {
    for (size_t i = 0; i < entries_.size(); ++i)
      if (equal(budget, entries_[i].first, key)) return i;
    return std::nullopt;
  }
  const auto [first, last] = positions_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (equal(budget, entries_[it->second].first, key)) return it->second;
  return std::nullopt;
}

const Value* Dict::find(Budget& budget, const Value& key) const {
  const std::optional<size_t> at = position(budget, key, hash_of(budget, key));
  return at ? &entries_[*at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto matches = [&](const Entry& entry) {
    const Text* text = entry.first.text();
    return text && text->view() == key;
  };
  if (entries_.size() <= kSearched) {
    const auto it = std::find_if(entries_.begin(), entries_.end(), matches);
    return it == entries_.end() ? nullptr : &it->second;
  }
  const auto [first, last] = positions_.equal_range(std::hash<std::string_view>()(key));
  for (auto it = first; it != last; ++it)
    if (matches(entries_[it->second])) return &entries_[it->second].second;
  return nullptr;
}

void Dict::set(Budget& budget, Value key, Value value) {
  const size_t hash = hash_of(budget, key);
  depth_ = std::max({depth_, key.depth() + 1, value.depth() + 1});
  if (const std::optional<size_t> at = position(budget, key, hash)) {
    entries_[*at].second = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() == kSearched + 1) {
    for (size_t i = 0; i < entries_.size(); ++i) positions_.emplace(hash_of(budget, entries_[i].first), i);
  } else if (entries_.size() > kSearched) {
    positions_.emplace(hash, entries_.size() - 1);
  }
}

Value Object::call(Runtime&, const Arguments&) { raise_error("'{}' object is not callable", type_name()); }

void Object::repr(Runtime&, TextBuilder& out) {
  out.append("<");
  out.append(type_name());
  out.append(" object>");
}

}  // namespace ferrum::jinja
