// The values of templates: Python's types, as far as Jinja uses them.
//
// Values are cheap to copy and share their contents. All are immutable except the attributes of a
// namespace(). Containers record how deep they nest, so walking and destroying them takes
// bounded stack.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/text.h"

namespace ferrum::jinja {

class Dict;
class Object;
class Runtime;
class Value;

struct Items {
  std::vector<Value> values;
  int depth = 1;
  std::span<const std::string_view> names = {};  // item names of a named tuple
};

// A missing name or attribute: empty when printed, an error when used. `why` is the message of that
// error.
struct Undefined {
  std::shared_ptr<const std::string> why;
};
struct None {};
struct String {
  Text text;
  bool markup = false;  // marked by `safe` or `escape`: text added to it is escaped, as in markupsafe
};
struct List {
  std::shared_ptr<const Items> items;
};
struct Tuple {
  std::shared_ptr<const Items> items;
};

class Value {
 public:
  using Storage = std::variant<Undefined, None, bool, int64_t, double, String, List, Tuple,
                               std::shared_ptr<const Dict>, std::shared_ptr<Object>>;

  Value() = default;  // undefined
  Value(None none) : storage_(none) {}
  Value(bool value) : storage_(value) {}
  Value(int64_t value) : storage_(value) {}
  Value(int value) : storage_(static_cast<int64_t>(value)) {}
  Value(double value) : storage_(value) {}
  Value(Text text) : storage_(String{std::move(text)}) {}
  Value(String string) : storage_(std::move(string)) {}
  Value(List list) : storage_(std::move(list)) {}
  Value(Tuple tuple) : storage_(std::move(tuple)) {}
  Value(std::shared_ptr<const Dict> dict) : storage_(std::move(dict)) {}
  Value(std::shared_ptr<Object> object) : storage_(std::move(object)) {}
  Value(const char*) = delete;  // would convert to bool

  static Value undefined(std::string why);
  static Value of_size(size_t size) { return static_cast<int64_t>(size); }

  const Storage& storage() const { return storage_; }
  template <class T>
  const T* get() const {
    return std::get_if<T>(&storage_);
  }

  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  bool is_string() const { return get<String>() != nullptr; }
  const Text* text() const {
    const String* string = get<String>();
    return string ? &string->text : nullptr;
  }
  // The items of a list or a tuple; nullptr for other types.
  const std::vector<Value>* items() const;
  const Dict* dict() const {
    const auto* dict = get<std::shared_ptr<const Dict>>();
    return dict ? dict->get() : nullptr;
  }
  Object* object() const {
    const auto* object = get<std::shared_ptr<Object>>();
    return object ? object->get() : nullptr;
  }
  template <class T>
  T* object_as() const {
    return dynamic_cast<T*>(object());
  }

  int depth() const;  // 0 for scalars

 private:
  Storage storage_;
};

// These charge the budget, and throw Failure for values that nest too deep.
Value make_list(Budget& budget, std::vector<Value> values);
Value make_tuple(Budget& budget, std::vector<Value> values);
// `names` must outlive the value.
Value make_named_tuple(Budget& budget, std::span<const std::string_view> names, std::vector<Value> values);

// Keeps insertion order. Immutable once it is part of a Value.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  const Value* find(Budget& budget, const Value& key) const;
  const Value* find(std::string_view key) const;
  // Throws Failure for unhashable keys. An existing key keeps its position.
  void set(Budget& budget, Value key, Value value);
  int depth() const { return depth_; }

 private:
  static constexpr size_t kSearched = 8;  // dictionaries up to this size are searched linearly
  std::optional<size_t> position(Budget& budget, const Value& key, size_t hash) const;

  std::vector<Entry> entries_;
  std::unordered_multimap<size_t, size_t> positions_;  // hash to entry; for more than kSearched entries
  int depth_ = 1;
};

Value make_dict(Budget& budget, Dict dict);

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// All other values: functions, macros, namespaces, ranges, generators, views of dictionaries.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;  // Python's
  virtual int depth() const { return 0; }

  virtual std::optional<Value> attribute(Runtime&, std::string_view) { return std::nullopt; }
  virtual std::optional<Value> subscript(Runtime&, const Value&) { return std::nullopt; }
  virtual bool has_subscript() const { return false; }

  virtual bool is_callable() const { return false; }
  virtual Value call(Runtime& runtime, const Arguments& arguments);

  virtual bool is_iterable() const { return false; }
  virtual std::optional<size_t> length() const { return std::nullopt; }
  virtual std::optional<Value> item(Runtime&, size_t /*index*/) { return std::nullopt; }

  virtual bool equals(const Object&) const { return false; }
  virtual void repr(Runtime& runtime, TextBuilder& out);
};

}  // namespace ferrum::jinja
