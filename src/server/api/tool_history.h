// Tool calls and their results in the messages that clients send back.
#pragma once
#include <string>
#include <vector>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, as the model wrote it
};

// Adds a call to those of an assistant's message.
void add_call(ChatMessage& message, const ToolCall& call);

// Reads `tool_calls` in the shape of chat completions, and the older `function_call`. Arguments may be an
// object as well as JSON text.
void read_tool_calls(Fields& fields, ChatMessage& message);

// The text of a call's arguments: a string as it is, or an object's JSON.
std::string arguments_of(Fields& fields, const std::string& name);

// Brings calls and results into the order and the form that templates expect: every call has an id, and
// every result follows its call and has that call's id and name. A result without an id belongs to the first
// call before it that has none yet, of the same name if the result has one.
void settle_calls(std::vector<ChatMessage>& messages);

// Makes one turn of what an assistant said at once, where the client sends thoughts, text and calls by
// themselves: thoughts join what follows them, and calls what precedes them. Thoughts that nothing follows
// are left out.
void join_turns(std::vector<ChatMessage>& messages);

}  // namespace ferrum::server
