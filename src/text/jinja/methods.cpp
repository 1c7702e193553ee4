#include "text/jinja/methods.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "text/jinja/failure.h"
#include "text/jinja/method_table.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"

namespace ferrum::jinja {
namespace {

Value list_count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("count", {"value"}, arguments);
  int64_t count = 0;
  for (const Value& item : *self.items()) count += equal(runtime.budget, item, p.at(0)) ? 1 : 0;
  return count;
}

Value list_index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("index", {"value", "start", "stop"}, arguments);
  const auto& items = *self.items();
  const auto size = static_cast<int64_t>(items.size());
  const auto place = [size](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? std::max<int64_t>(at, -size) + size : at, 0, size);
  };
  for (int64_t i = place(p.integer(1, 0)); i < place(p.integer(2, size)); ++i)
    if (equal(runtime.budget, items[static_cast<size_t>(i)], p.at(0))) return i;
  raise_error("the value is not in the {}", type_name(self));
}

Value copy(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters p("copy", {}, arguments);
  return self;  // immutable, so it is its own copy
}

Value dict_get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("get", {"key", "default"}, arguments);
  if (const Value* found = self.dict()->find(runtime.budget, p.at(0))) return *found;
  return p.find(1) ? *p.find(1) : Value(None{});
}

template <DictView::Kind kind>
Value dict_view(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters p("keys, values or items", {}, arguments);
  return std::static_pointer_cast<Object>(std::make_shared<DictView>(self, kind));
}

Value float_is_integer(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters p("is_integer", {}, arguments);
  const double d = *self.get<double>();
  return std::isfinite(d) && d == std::floor(d);
}

constexpr Method mutating(std::string_view name) { return {name, nullptr}; }

constexpr std::array kListMethods = {
    Method{"copy", copy},
    Method{"count", list_count},
    Method{"index", list_index},
    mutating("append"),
    mutating("clear"),
    mutating("extend"),
    mutating("insert"),
    mutating("pop"),
    mutating("remove"),
    mutating("reverse"),
    mutating("sort"),
};
constexpr std::array kTupleMethods = {Method{"count", list_count}, Method{"index", list_index}};
constexpr std::array kDictMethods = {
    Method{"get", dict_get},
    Method{"items", dict_view<DictView::Kind::kItems>},
    Method{"keys", dict_view<DictView::Kind::kKeys>},
    Method{"values", dict_view<DictView::Kind::kValues>},
    Method{"copy", copy},
    mutating("clear"),
    mutating("pop"),
    mutating("popitem"),
    mutating("setdefault"),
    mutating("update"),
};
constexpr std::array kFloatMethods = {Method{"is_integer", float_is_integer}};

std::span<const Method> methods_of(const Value& value) {
  if (value.is_string()) return string_methods();
  if (value.get<List>()) return kListMethods;
  if (value.get<Tuple>()) return kTupleMethods;
  if (value.dict()) return kDictMethods;
  if (value.get<double>()) return kFloatMethods;
  return {};
}

const Method* find(const Value& object, std::string_view name) {
  const auto methods = methods_of(object);
  const auto it =
      std::find_if(methods.begin(), methods.end(), [name](const Method& m) { return m.name == name; });
  return it == methods.end() ? nullptr : &*it;
}

class BoundMethod : public Object {
 public:
  BoundMethod(Value self, const Method& method) : self_(std::move(self)), method_(method) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  int depth() const override { return self_.depth(); }
  bool is_callable() const override { return true; }

  Value call(Runtime& runtime, const Arguments& arguments) override {
    Value result = method_.body(runtime, self_, arguments);
    const String* self = self_.get<String>();
    const String* string = result.get<String>();
    return self && self->markup && string ? Value(String{string->text, true}) : result;
  }

  void repr(Runtime&, TextBuilder& out) override {
    out.append(fmt::format("<built-in method {} of {} object>", method_.name, jinja::type_name(self_)));
  }

 private:
  Value self_;
  const Method& method_;
};

}  // namespace

MethodAccess find_method(const Value& object, std::string_view name) {
  const Method* method = find(object, name);
  if (!method) return MethodAccess::kNone;
  return method->body ? MethodAccess::kAllowed : MethodAccess::kMutates;
}

Value bind_method(const Value& object, std::string_view name) {
  const Method* method = find(object, name);
  check(method && method->body, "bind_method needs an allowed method");
  return std::static_pointer_cast<Object>(std::make_shared<BoundMethod>(object, *method));
}

}  // namespace ferrum::jinja
