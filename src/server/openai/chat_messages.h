// The conversation of a chat completion, and what of its fields is part of the prompt.
#pragma once
#include "ferrum/engine.h"
#include "server/api/fields.h"
#include "server/api/thinking.h"
#include "server/openai/tool_fields.h"

namespace ferrum::server::openai {

struct Chat {
  ChatPrompt prompt;
  RequestedTools tools;  // those of the prompt, as the client knows them
  ThinkingOptions thinking;
};

// Reads the messages, the tools, how the prompt ends, and how much the model thinks.
Chat read_chat(Fields& body, const Engine& engine);

}  // namespace ferrum::server::openai
