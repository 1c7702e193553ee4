// The responses of /v1/chat/completions: whole, or as chunks.
#pragma once
#include <memory>

#include "server/api/answering.h"
#include "server/api/offered_tools.h"
#include "server/openai/common.h"

namespace ferrum::server::openai {

struct ChatShape {
  size_t choices = 1;
  bool logprobs = false;
  bool timings = false;
  bool thoughts = true;           // part of the response
  bool as_function_call = false;  // a call is a `function_call`, the older name
  OfferedTools tools{};
  int prompt_tokens = 0;     // for continuous_usage
  std::string rule_field{};  // that asks for a rule; empty: none
};

std::unique_ptr<Format> chat_format(Head head, ChatShape shape, const StreamOptions& stream);

}  // namespace ferrum::server::openai
