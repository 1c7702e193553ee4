// A chat as it is kept in a session's file.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ferrum/types.h"

namespace ferrum::cli {

struct Conversation {
  std::string system;                 // prompt; empty: none
  std::vector<ChatMessage> messages;  // what was said since
};

// {"ferrum_chat": 1, "system": …, "messages": [{"role": …, "content": …}, …]}
std::string to_json(const Conversation& conversation);

// Error kBadFile, naming `source`, for anything that to_json does not write.
Conversation conversation_from(std::string_view json, const std::string& source);

}  // namespace ferrum::cli
