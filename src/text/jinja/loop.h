// The variable `loop` inside of for, and the walk behind it.
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

  // Moves to the next item; false at the end.
  bool advance();
  const Value& current() const { return item_; }
  // Lets go of all items, which may refer back to this.
  void end();

  std::string_view type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override;
  void repr(Runtime& runtime, TextBuilder& out) override;

 private:
  std::optional<Value> fetch();  // the next item that is accepted
  const Value* peek();           // nullptr: none follows
  size_t count();                // of all items; looks at all that are to come
  Value cycle(Runtime& runtime, const Arguments& arguments);
  Value changed(Runtime& runtime, const Arguments& arguments);

  Evaluator& evaluator_;
  Setting setting_;
  std::optional<Cursor> cursor_;  // empty once ended
  Accepts accepts_;               // empty: everything
  std::optional<size_t> sized_;   // what the iterable says of its length
  std::deque<Value> ahead_;       // fetched, but not reached
  Value item_, previous_;
  size_t index_ = 0;  // from 1; 0 before the first
  std::optional<std::vector<Value>> last_changed_;
};

}  // namespace ferrum::jinja
