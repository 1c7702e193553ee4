// Objects that are neither data nor functions of the template: namespaces, ranges, generators, views,
// methods.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

// namespace(a=1): the only mutable object in a template.
class Namespace : public Object {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  std::optional<Value> attribute(Runtime&, std::string_view name) override;
  void repr(Runtime& runtime, TextBuilder& out) override;

  void set(Budget& budget, std::string_view name, Value value);
  void clear() { attributes_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
  int printing_ = 0;  // depth of repr on this object, which may contain itself
};

class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);
  std::string_view type_name() const override { return "range"; }
  bool is_iterable() const override { return true; }
  std::optional<size_t> length() const override { return length_; }
  std::optional<Value> item(Runtime&, size_t index) override;
  std::optional<Value> subscript(Runtime&, const Value& key) override;
  bool has_subscript() const override { return true; }
  bool equals(const Object& other) const override;
  void repr(Runtime&, TextBuilder& out) override;

  // The part from index `start` to before index `stop`, both within the range or next to its ends.
  std::shared_ptr<Range> part(int64_t start, int64_t stop, int64_t step) const;

 private:
  int64_t at(int64_t index) const { return start_ + index * step_; }

  int64_t start_, stop_, step_;
  size_t length_;
};

// The result of map, select and the like: can be iterated once and has no length.
class Generator : public Object {
 public:
  static Value make(Budget& budget, std::vector<Value> values);

  explicit Generator(Value list) : list_(std::move(list)) {}
  std::string_view type_name() const override { return "generator"; }
  int depth() const override { return list_.depth(); }
  bool is_iterable() const override { return true; }
  std::optional<Value> item(Runtime&, size_t index) override;

 private:
  Value list_;
  size_t next_ = 0;
};

class DictView : public Object {
 public:
  enum class Kind { kKeys, kValues, kItems };
  DictView(Value dict, Kind kind) : dict_(std::move(dict)), kind_(kind) {}
  std::string_view type_name() const override;
  int depth() const override { return dict_.depth() + 1; }  // its items are pairs
  bool is_iterable() const override { return true; }
  std::optional<size_t> length() const override { return dict_.dict()->entries().size(); }
  std::optional<Value> item(Runtime& runtime, size_t index) override;
  void repr(Runtime& runtime, TextBuilder& out) override;

 private:
  Value dict_;
  Kind kind_;
};

// A named function that is implemented in C++.
class NativeFunction : public Object {
 public:
  using Body = std::function<Value(Runtime&, const Arguments&)>;
  // `depth`: of the values that `body` captures.
  NativeFunction(std::string name, Body body, int depth = 0)
      : name_(std::move(name)), body_(std::move(body)), depth_(depth) {}
  std::string_view type_name() const override { return "function"; }
  int depth() const override { return depth_; }
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override { return body_(runtime, arguments); }
  void repr(Runtime&, TextBuilder& out) override;

 private:
  std::string name_;
  Body body_;
  int depth_;
};

// cycler('a', 'b'): next() returns its items in turn, endlessly.
class Cycler : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(Value items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  int depth() const override { return items_.depth(); }
  std::optional<Value> attribute(Runtime&, std::string_view name) override;

 private:
  Value current() const { return (*items_.items())[position_]; }

  Value items_;
  size_t position_ = 0;
};

// joiner(', '): returns an empty text when first called, then its separator.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  int depth() const override { return separator_.depth() + 1; }
  bool is_callable() const override { return true; }
  Value call(Runtime&, const Arguments&) override;

 private:
  Value separator_;
  bool used_ = false;
};

}  // namespace ferrum::jinja
