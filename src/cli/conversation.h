// A chat as stored in a session file.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ferrum/types.h"

namespace ferrum::cli {

struct Conversation {
  std::string system;                 // system prompt; empty: none
  std::vector<ChatMessage> messages;  // without the system prompt
};

// {"ferrum_chat": 1, "system": …, "messages": [{"role": …, "content": …}, …]}
std::string to_json(const Conversation& conversation);

// Throws kBadFile naming `source` for anything but to_json's output.
Conversation conversation_from(std::string_view json, const std::string& source);

}  // namespace ferrum::cli
