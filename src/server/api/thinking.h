// How much a model thinks before it answers: variables of its chat template, and a limit in tokens.
#pragma once
#include <optional>
#include <string>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

struct ThinkingOptions {
  std::string template_options;  // for ChatPrompt
  std::optional<int> budget;     // for Request::max_thought_tokens
  bool shown = true;             // the answer has the thoughts, too
};

// Whether `effort` is none, minimal, low, medium, high, xhigh or max.
bool is_effort(const std::string& effort);

// Sets the template's variable for it in `options`, unless that is set already: the effort itself, or whether
// the model thinks at all. Returns false if the template has no such variable.
bool set_effort(const ModelInfo& model, const std::string& effort, Json& options);
bool set_thinking(const ModelInfo& model, bool thinks, Json& options);

// Reads the field `name`, an effort; a hint if the template has no variable for it.
void read_effort(Fields& fields, const char* name, const ModelInfo& model, Json& options);
// Reads {"type": "enabled", "adaptive" or "disabled", "budget_tokens"}, as Anthropic's API has it.
void read_thinking_object(Fields& thinking, const ModelInfo& model, Json& options, ThinkingOptions& result);

// The smallest of max_thought_tokens, vLLM's thinking_token_budget, llama-server's reasoning_budget and their
// further names; -1: no limit. nullopt if the request has none of them.
std::optional<int> read_thought_budget(Fields& body);

// Reads chat_template_kwargs, enable_thinking, reasoning_effort, the objects `thinking` and `reasoning`, and
// the budget. What turns thinking on or off is a hint if the template has no variable for it.
ThinkingOptions read_thinking(Fields& body, const ModelInfo& model);

}  // namespace ferrum::server
