// The conversation of a Messages request.
#pragma once
#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server::anthropic {

// `system` and `messages`. Lines of system texts that begin with "x-anthropic-" are left out: they are for
// Anthropic's billing and hold a random number, so that no two prompts would begin alike. An assistant's last
// message is continued. Blocks of type tool_use are calls of the assistant's message, those of type thinking
// its thoughts, and each tool_result is a tool's message.
ChatPrompt chat_prompt(Fields& body);

}  // namespace ferrum::server::anthropic
