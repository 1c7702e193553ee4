// What an answer turns into, piece by piece.
#pragma once
#include <string>

namespace ferrum::tools {

enum class EventKind {
  kContent,    // `text` goes to the user
  kReasoning,  // `text` is part of the model's thoughts
  kCallBegin,  // call `index` begins, with `id` and `name`
  kArguments,  // `text` continues the JSON text of call `index`'s arguments
  kCallEnd,    // call `index` is over; `complete` says whether its arguments are
};

struct Event {
  EventKind kind = EventKind::kContent;
  int index = 0;  // of the call: 0, 1, … in the order of the answer
  std::string id;
  std::string name;
  std::string text;  // never empty for content, reasoning and arguments
  bool complete = true;
};

}  // namespace ferrum::tools
