// The responses of /v1/messages: whole, or as events.
#pragma once
#include <memory>
#include <string>

#include "server/api/answering.h"
#include "server/api/ids.h"
#include "server/api/offered_tools.h"

namespace ferrum::server::anthropic {

struct MessageHead {
  std::string id = new_id("msg_");
  std::string model;
  int prompt_tokens = 0;
  bool thoughts = true;  // part of the response
  OfferedTools tools{};
  std::string rule_field{};  // that asks for a rule; empty: none
};

std::unique_ptr<Format> message_format(MessageHead head, Delivery delivery);

// The code of the error for conversations that the server would have to keep. Its clients then send all of
// it.
inline constexpr const char* kNoThreads = "thread_unsupported_request";

// {"type": "error", "error": {"type", "message"}}; with kNoThreads also "details", as its clients look for
// them.
std::string error_body(const ApiError& error);

}  // namespace ferrum::server::anthropic
