// What a Messages request says beside the conversation: tools, thinking, the answer's rule.
#pragma once
#include <optional>

#include "ferrum/engine.h"
#include "server/api/answer_rule.h"
#include "server/api/offered_tools.h"
#include "server/api/thinking.h"

namespace ferrum::server::anthropic {

struct Settings {
  OfferedTools tools;
  ToolUse use;
  ThinkingOptions thinking;
  std::optional<AskedRule> rule;
};

// Reads `tools`, `tool_choice`, `thinking`, `output_config`, `output_format` and `chat_template_kwargs`, and
// the fields that do not change the answer; refuses those that are not supported. Tools of Anthropic's own
// types, which its servers run or its models know, are left out and reported as ignored.
Settings read_settings(Fields& body, const ModelInfo& model);

}  // namespace ferrum::server::anthropic
