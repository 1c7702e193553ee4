// Tool calls and their results in the messages that clients send back. A model's chat template has a place
// for them or not (ModelInfo::has_tool_turns).
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

// Refuses the field `name` where the chat template has no place for tool calls.
void check_tool_turns(Fields& fields, const std::string& name, const ModelInfo& model);

// Reads `tool_calls` in the shape of chat completions. Arguments may be an object as well as JSON text.
void read_tool_calls(Fields& fields, const ModelInfo& model, ChatMessage& message);

// Gives each result that has no name the name of the call that it answers, which some templates show.
void name_results(std::vector<ChatMessage>& messages);

// Joins an assistant's message that has nothing but calls to the assistant's message before it: some clients
// send each call of one turn by itself.
void join_calls(std::vector<ChatMessage>& messages);

}  // namespace ferrum::server
