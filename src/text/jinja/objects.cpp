#include "text/jinja/objects.h"

#include <algorithm>
#include <limits>

#include "text/jinja/failure.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace ferrum::jinja {

Runtime::~Runtime() {
  for (const auto& space : namespaces_) space->clear();
}

std::shared_ptr<Namespace> Runtime::make_namespace() {
  budget.make(sizeof(Namespace));
  namespaces_.push_back(std::make_shared<Namespace>());
  return namespaces_.back();
}

std::optional<Value> Namespace::attribute(Runtime&, std::string_view name) {
  const auto it = std::find_if(attributes_.begin(), attributes_.end(),
                               [name](const auto& entry) { return entry.first == name; });
  return it == attributes_.end() ? std::nullopt : std::optional(it->second);
}

void Namespace::set(Budget& budget, std::string_view name, Value value) {
  budget.step(1 + attributes_.size() / 16);
  const auto it = std::find_if(attributes_.begin(), attributes_.end(),
                               [name](const auto& entry) { return entry.first == name; });
  if (it != attributes_.end()) {
    it->second = std::move(value);
    return;
  }
  budget.make(sizeof(Value) + name.size());
  attributes_.emplace_back(name, std::move(value));
}

void Namespace::repr(Runtime& runtime, TextBuilder& out) {
  if (printing_ > 0) {
    out.append("<Namespace {...}>");
    return;
  }
  const Nested once(printing_, 1);
  out.append("<Namespace {");
  for (size_t i = 0; i < attributes_.size(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(out, Text(attributes_[i].first, Origin::kTemplate));
    out.append(": ");
    append_repr(runtime, out, attributes_[i].second);
  }
  out.append("}>");
}

Range::Range(int64_t start, int64_t stop, int64_t step)
    : start_(start), stop_(stop), step_(step), length_(0) {
  constexpr uint64_t kMost = 100'000;  // the limit of Jinja's sandbox
  if (step == 0) raise_error("range() arg 3 must not be zero");
  const bool empty = step > 0 ? start >= stop : start <= stop;
  if (empty) return;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                     : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : -static_cast<uint64_t>(step);
  const uint64_t count = (distance - 1) / stride + 1;
  if (count > kMost)
    raise_error("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMost);
  length_ = count;
}

std::optional<Value> Range::item(Runtime&, size_t index) {
  if (index >= length_) return std::nullopt;
  return at(static_cast<int64_t>(index));
}

std::optional<Value> Range::subscript(Runtime& runtime, const Value& key) {
  const std::optional<int64_t> index = as_integer(key);
  if (!index) return std::nullopt;
  const int64_t at = *index < 0 ? *index + static_cast<int64_t>(length_) : *index;
  return at < 0 ? std::nullopt : item(runtime, static_cast<size_t>(at));
}

bool Range::equals(const Object& other) const {
  const auto* range = dynamic_cast<const Range*>(&other);
  if (!range || range->length_ != length_) return false;
  return length_ == 0 || (start_ == range->start_ && (length_ == 1 || step_ == range->step_));
}

void Range::repr(Runtime&, TextBuilder& out) {
  out.append(step_ == 1 ? fmt::format("range({}, {})", start_, stop_)
                        : fmt::format("range({}, {}, {})", start_, stop_, step_));
}

std::shared_ptr<Range> Range::part(int64_t start, int64_t stop, int64_t step) const {
  int64_t new_step = 0;
  int64_t last = 0;
  if (__builtin_mul_overflow(step_, step, &new_step) || __builtin_mul_overflow(stop, step_, &last) ||
      __builtin_add_overflow(start_, last, &last))
    raise_error("integer out of range");
  return std::make_shared<Range>(at(start), last, new_step);
}

Value Generator::make(Budget& budget, std::vector<Value> values) {
  return std::static_pointer_cast<Object>(std::make_shared<Generator>(make_list(budget, std::move(values))));
}

std::optional<Value> Generator::item(Runtime&, size_t) {
  const auto& values = *list_.items();
  return next_ < values.size() ? std::optional(values[next_++]) : std::nullopt;
}

std::string_view DictView::type_name() const {
  switch (kind_) {
    case Kind::kKeys:
      return "dict_keys";
    case Kind::kValues:
      return "dict_values";
    case Kind::kItems:
      return "dict_items";
  }
  return "?";
}

std::optional<Value> DictView::item(Runtime& runtime, size_t index) {
  const auto& entries = dict_.dict()->entries();
  if (index >= entries.size()) return std::nullopt;
  const auto& [key, value] = entries[index];
  if (kind_ == Kind::kKeys) return key;
  if (kind_ == Kind::kValues) return value;
  return make_tuple(runtime.budget, {key, value});
}

void DictView::repr(Runtime& runtime, TextBuilder& out) {
  out.append(type_name());
  out.append("([");
  for (size_t i = 0; i < *length(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(runtime, out, *item(runtime, i));
  }
  out.append("])");
}

void NativeFunction::repr(Runtime&, TextBuilder& out) { out.append(fmt::format("<function {}>", name_)); }

std::optional<Value> Cycler::attribute(Runtime&, std::string_view name) {
  if (name == "current") return current();
  const auto method = [this](std::string_view of, NativeFunction::Body body) {
    auto self = shared_from_this();
    return Value(std::static_pointer_cast<Object>(std::make_shared<NativeFunction>(
        std::string(of),
        [self, body = std::move(body)](Runtime& r, const Arguments& a) { return body(r, a); }, depth())));
  };
  if (name == "next")
    return method("next", [this](Runtime&, const Arguments&) {
      Value now = current();
      position_ = (position_ + 1) % items_.items()->size();
      return now;
    });
  if (name == "reset")
    return method("reset", [this](Runtime&, const Arguments&) {
      position_ = 0;
      return Value(None{});
    });
  return std::nullopt;
}

Value Joiner::call(Runtime&, const Arguments&) {
  if (used_) return separator_;
  used_ = true;
  return Text();
}

}  // namespace ferrum::jinja
