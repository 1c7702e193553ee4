// How much a model is to think before it answers, as variables of its chat template.
#pragma once
#include <string>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

// none, minimal, low, medium, high, xhigh or max.
bool is_effort(const std::string& effort);

// Sets what the template reads of it in `options`, but no variable that is there already: the effort itself,
// or whether the model thinks at all. False where the template has no such switch.
bool set_effort(const ModelInfo& model, const std::string& effort, Json& options);
bool set_thinking(const ModelInfo& model, bool thinks, Json& options);

// chat_template_kwargs, enable_thinking and reasoning_effort, as ChatPrompt::template_options. The latter two
// are hints where the template has no switch for them.
std::string read_template_options(Fields& body, const Engine& engine);

}  // namespace ferrum::server
