// Token events that are held until all of their text may be shown, so that none reveals a stop string in
// advance.
#pragma once
#include <cstddef>

#include "base/function_ref.h"
#include "base/ring.h"
#include "ferrum/types.h"

namespace ferrum {

class HeldTokens {
 public:
  enum class Text {
    kWhole,
    kUnfinished
  };  // kUnfinished: its last character waits for the next token's bytes
  // `text_bytes`: of the text that became certain with this token.
  void push(TokenEvent event, size_t text_bytes, Text text);
  // Releases this many more bytes of the text.
  void show(size_t text_bytes, FunctionRef<void(Event)> emit);
  // The text is over and all of it was shown.
  void show_rest(FunctionRef<void(Event)> emit);

 private:
  struct Held {
    TokenEvent event;
    size_t end = 0;  // of its text
  };
  Ring<Held> held_;
  size_t unfinished_ = 0;  // the last of held_, whose ends are not known yet
  size_t pushed_ = 0;      // bytes of text
  size_t shown_ = 0;
};

}  // namespace ferrum
