// The conversation of a Messages request, and the options for thinking.
#pragma once
#include <optional>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server::anthropic {

// `system` and `messages`. Thoughts of earlier turns are left out, as chat templates leave them out. Lines of
// system texts that begin with "x-anthropic-" are left out as well: they are for Anthropic's billing and hold
// a random number, so that no two prompts would begin alike. An assistant's last message is continued. Blocks
// of type tool_use are calls of the assistant's message, and each tool_result is a tool's message.
ChatPrompt chat_prompt(Fields& body, const ModelInfo& model);

struct ThinkingOptions {
  std::string template_options;  // for ChatPrompt
  std::optional<int> budget;     // in tokens
};

// Reads `thinking`, `output_config.effort` and `chat_template_kwargs`.
ThinkingOptions thinking_options(Fields& body, const ModelInfo& model);

// Reads fields that do not change the answer, and refuses those that are not supported.
void read_other_fields(Fields& body);

}  // namespace ferrum::server::anthropic
