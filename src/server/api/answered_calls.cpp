#include "server/api/answered_calls.h"

namespace ferrum::server {

const AnsweredCall& AnsweredCalls::begin(const PartEvent& part, const OfferedTools& tools) {
  argument_ = {};
  all_.push_back({.id = part.id, .tool = tools.tool_of(part.name)});
  return all_.back();
}

std::string AnsweredCalls::grow(const PartEvent& part) {
  AnsweredCall& call = all_.back();
  std::string text;
  if (part.kind == PartEvent::Kind::kCallEnd) {
    call.complete = part.complete;
    if (call.complete && call.text.empty() && !call.takes_text()) text = "{}";
  } else if (call.takes_text()) {
    argument_.take(part.text, text);
  } else {
    text = part.text;
  }
  call.text += text;
  return text;
}

// A stop string may end an answer inside a call.
bool AnsweredCalls::end_answer(const FinishEvent& finish) const {
  return finish.reason == FinishReason::kStop && !all_.empty() && all_.back().complete;
}

}  // namespace ferrum::server
