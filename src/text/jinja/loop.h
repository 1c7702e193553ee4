// The variable `loop` of a for statement, and its iteration.
#pragma once
#include <deque>
#include <functional>
#include <optional>

#include "text/jinja/ast.h"
#include "text/jinja/cursor.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  using Accepts = std::function<bool(const Value&)>;
  struct Setting {
    const For* node;
    Scope* around;
    int depth;  // of recursive loops, from 0
  };

  Loop(Evaluator& evaluator, const Setting& setting, const Value& iterable, Accepts accepts);

  // Moves to the next item; returns false at the end.
  bool advance();
  const Value& current() const { return item_; }
  // Releases all items, which may refer back to this loop.
  void end();

  std::string_view type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override;
  void repr(Runtime& runtime, TextBuilder& out) override;

 private:
  std::optional<Value> fetch();  // the next item that passes the filter
  const Value* peek();           // nullptr if there is none
  size_t count();                // of all items; fetches the remaining ones
  Value cycle(Runtime& runtime, const Arguments& arguments);
  Value changed(Runtime& runtime, const Arguments& arguments);

  Evaluator& evaluator_;
  Setting setting_;
  std::optional<Cursor> cursor_;  // empty after the end
  Accepts accepts_;               // empty: every item
  std::optional<size_t> sized_;   // the iterable's length, if it has one
  std::deque<Value> ahead_;       // fetched in advance
  Value item_, previous_;
  size_t index_ = 0;  // from 1; 0 before the first
  std::optional<std::vector<Value>> last_changed_;
};

}  // namespace ferrum::jinja
