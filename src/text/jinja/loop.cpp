#include "text/jinja/loop.h"

#include "text/jinja/failure.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/parameters.h"

namespace ferrum::jinja {

Loop::Loop(Evaluator& evaluator, const Setting& setting, const Value& iterable, Accepts accepts)
    : evaluator_(evaluator),
      setting_(setting),
      cursor_(Cursor(evaluator.runtime_, iterable)),
      accepts_(std::move(accepts)) {
  const bool counted = !accepts_ && !iterable.is_string() && !iterable.object_as<Generator>();
  if (counted) sized_ = length_of(evaluator.runtime_, iterable);
}

void Loop::end() {
  cursor_.reset();
  accepts_ = nullptr;
  ahead_.clear();
  item_ = previous_ = Value();
  last_changed_.reset();
}

std::optional<Value> Loop::fetch() {
  if (!cursor_) return std::nullopt;
  while (std::optional<Value> item = cursor_->next())
    if (!accepts_ || accepts_(*item)) return item;
  return std::nullopt;
}

bool Loop::advance() {
  std::optional<Value> next;
  if (!ahead_.empty()) {
    next = std::move(ahead_.front());
    ahead_.pop_front();
  } else {
    next = fetch();
  }
  if (!next) return false;
  previous_ = std::move(item_);
  item_ = std::move(*next);
  ++index_;
  return true;
}

const Value* Loop::peek() {
  if (ahead_.empty()) {
    std::optional<Value> next = fetch();
    if (!next) return nullptr;
    ahead_.push_back(std::move(*next));
  }
  return &ahead_.front();
}

size_t Loop::count() {
  if (sized_) return *sized_;
  while (std::optional<Value> next = fetch()) {
    evaluator_.runtime_.budget.make(sizeof(Value));
    ahead_.push_back(std::move(*next));
  }
  sized_ = index_ + ahead_.size();
  return *sized_;
}

std::optional<Value> Loop::attribute(Runtime& runtime, std::string_view name) {
  const auto method = [this](std::string_view of, Value (Loop::*body)(Runtime&, const Arguments&)) {
    return Value(std::static_pointer_cast<Object>(std::make_shared<NativeFunction>(
        std::string(of), [self = shared_from_this(), body](Runtime& r, const Arguments& a) {
          return ((*self).*body)(r, a);
        })));
  };
  if (name == "index") return Value::of_size(index_);
  if (name == "index0") return Value(static_cast<int64_t>(index_) - 1);
  if (name == "first") return index_ == 1;
  if (name == "last") return peek() == nullptr;
  if (name == "length") return Value::of_size(count());
  if (name == "revindex") return Value(static_cast<int64_t>(count()) - static_cast<int64_t>(index_) + 1);
  if (name == "revindex0") return Value(static_cast<int64_t>(count()) - static_cast<int64_t>(index_));
  if (name == "depth") return setting_.depth + 1;
  if (name == "depth0") return setting_.depth;
  if (name == "previtem") return index_ > 1 ? previous_ : Value::undefined("there is no previous item");
  if (name == "nextitem") {
    const Value* next = peek();
    return next ? *next : Value::undefined("there is no next item");
  }
  if (name == "cycle") return method("cycle", &Loop::cycle);
  if (name == "changed") return method("changed", &Loop::changed);
  static_cast<void>(runtime);
  return std::nullopt;
}

Value Loop::cycle(Runtime&, const Arguments& arguments) {
  if (arguments.positional.empty()) raise_error("no items for cycling given");
  return arguments.positional[(index_ - 1) % arguments.positional.size()];
}

Value Loop::changed(Runtime& runtime, const Arguments& arguments) {
  const auto& now = arguments.positional;
  bool same = last_changed_ && last_changed_->size() == now.size();
  for (size_t i = 0; same && i < now.size(); ++i) same = equal(runtime.budget, (*last_changed_)[i], now[i]);
  last_changed_ = now;
  return !same;
}

Value Loop::call(Runtime&, const Arguments& arguments) {
  const Parameters p("loop", {"iterable"}, arguments);
  if (!setting_.node->recursive)
    raise_error("The loop must have the 'recursive' marker to be called recursively.");
  if (!cursor_) raise_error("a loop is called after it ended");
  return evaluator_.run_loop(*setting_.node, setting_.around, p.at(0), setting_.depth + 1);
}

void Loop::repr(Runtime&, TextBuilder& out) {
  out.append(fmt::format("<LoopContext {}/{}>", index_, count()));
}

}  // namespace ferrum::jinja
