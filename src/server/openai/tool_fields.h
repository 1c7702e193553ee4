// The tools of chat completions and responses, and which of them may be called.
#pragma once
#include "server/api/offered_tools.h"

namespace ferrum::server::openai {

struct RequestedTools {
  OfferedTools tools;
  ToolUse use;
  // The request has `functions`, the older name of tools, and is answered in their shape.
  bool as_function_call = false;
};

// Tools that a server would have to run itself, such as a search of the web, are left out of the prompt, as
// clients expect that offer them to every model; they are reported as ignored.
RequestedTools read_chat_tools(Fields& body);      // tools, tool_choice, …; functions and function_call
RequestedTools read_response_tools(Fields& body);  // also name spaces

}  // namespace ferrum::server::openai
