// The calls of one answer, as the client knows their tools.
#pragma once
#include <string>
#include <vector>

#include "ferrum/types.h"
#include "server/api/offered_tools.h"
#include "server/api/text_argument.h"

namespace ferrum::server {

struct AnsweredCall {
  std::string id;
  OfferedTool tool;
  std::string text{};  // JSON, or of a tool that takes text, that text
  bool complete = false;

  bool takes_text() const { return tool.takes == OfferedTool::Takes::kText; }
};

class AnsweredCalls {
 public:
  // Of a kCallBegin. Calls come one after the other.
  const AnsweredCall& begin(const PartEvent& part, const OfferedTools& tools);
  // Of a kArguments or kCallEnd: returns what it adds to the last call's text.
  std::string grow(const PartEvent& part);

  bool empty() const { return all_.empty(); }
  const AnsweredCall& last() const { return all_.back(); }
  const std::vector<AnsweredCall>& all() const { return all_; }
  // Whether the answer ended with calls that the client is to answer.
  bool end_answer(const FinishEvent& finish) const;

 private:
  std::vector<AnsweredCall> all_;
  TextArgument argument_;  // of the last call
};

}  // namespace ferrum::server
