// How much a model thinks before it answers, as variables of its chat template.
#pragma once
#include <string>

#include "ferrum/engine.h"
#include "server/api/fields.h"

namespace ferrum::server {

// Whether `effort` is none, minimal, low, medium, high, xhigh or max.
bool is_effort(const std::string& effort);

// Sets the template's variable for it in `options`, unless that is set already: the effort itself, or whether
// the model thinks at all. Returns false if the template has no such variable.
bool set_effort(const ModelInfo& model, const std::string& effort, Json& options);
bool set_thinking(const ModelInfo& model, bool thinks, Json& options);

// Reads chat_template_kwargs, enable_thinking and reasoning_effort into ChatPrompt::template_options. The
// latter two are hints if the template has no variable for them.
std::string read_template_options(Fields& body, const Engine& engine);

}  // namespace ferrum::server
