#include "server/api/template_options.h"

#include <algorithm>

namespace ferrum::server {
namespace {

bool reads(const ModelInfo& model, const char* variable) {
  return std::ranges::find(model.template_switches, variable) != model.template_switches.end();
}

}  // namespace

bool is_effort(const std::string& effort) {
  static const std::vector<std::string> kEfforts = {"none", "minimal", "low", "medium",
                                                    "high", "xhigh",   "max"};
  return std::ranges::find(kEfforts, effort) != kEfforts.end();
}

bool set_thinking(const ModelInfo& model, bool thinks, Json& options) {
  bool found = false;
  for (const char* variable : {"enable_thinking", "thinking"}) {
    if (!reads(model, variable)) continue;
    found = true;
    if (!options.contains(variable)) options[variable] = thinks;
  }
  return found;
}

bool set_effort(const ModelInfo& model, const std::string& effort, Json& options) {
  const bool has_switch = set_thinking(model, effort != "none", options);
  if (!reads(model, "reasoning_effort")) return has_switch;
  if (!options.contains("reasoning_effort")) options["reasoning_effort"] = effort;
  return true;
}

std::string read_template_options(Fields& body, const Engine& engine) {
  const Json* given = body.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  if (const auto thinks = body.flag("enable_thinking"))
    if (!set_thinking(engine.info(), *thinks, options)) body.hint("enable_thinking");
  if (const auto effort = body.text("reasoning_effort")) {
    if (!is_effort(*effort))
      body.refuse_value("reasoning_effort",
                        "reasoning_effort must be none, minimal, low, medium, high, xhigh or max");
    else if (!set_effort(engine.info(), *effort, options))
      body.hint("reasoning_effort");
  }
  return options.empty() ? "" : to_text(options);
}

}  // namespace ferrum::server
