#include "server/api/thinking.h"

#include <algorithm>

#include "base/error.h"
#include "server/api/sampling_fields.h"

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

void read_effort(Fields& f, const char* name, const ModelInfo& model, Json& options) {
  const auto effort = f.text(name);
  if (!effort) return;
  if (!is_effort(*effort))
    f.refuse_value(name, f.path_of(name) + " must be none, minimal, low, medium, high, xhigh or max");
  else if (!set_effort(model, *effort, options))
    f.hint(name);
}

void read_thinking_object(Fields& f, const ModelInfo& model, Json& options, ThinkingOptions& result) {
  const std::string type = f.text("type").value_or("");
  if (type != "disabled" && type != "adaptive" && type != "enabled")
    f.refuse_value("type", fmt::format("{} must be enabled, adaptive or disabled, not {}", f.path_of("type"),
                                       in_quotes(type)));
  const auto budget = f.clamped_integer("budget_tokens", 0, kMaxTokens);
  if (type == "enabled" && budget) result.budget = static_cast<int>(*budget);
  // Without a switch in its template a model always or never thinks.
  if (!set_thinking(model, type != "disabled", options))
    f.hint("type", model.reasons ? std::vector<Json>{"enabled", "adaptive"} : std::vector<Json>{"disabled"});
}

std::optional<int> read_thought_budget(Fields& body) {
  std::optional<int> budget;
  for (const char* name : {"max_thought_tokens", "thinking_token_budget", "thinking_budget",
                           "thinking_budget_tokens", "reasoning_budget", "reasoning_budget_tokens"}) {
    const auto given = body.clamped_integer(name, -1, kMaxTokens);
    if (!given) continue;
    const int limit = static_cast<int>(*given);
    if (!budget || *budget < 0 || (limit >= 0 && limit < *budget)) budget = limit;
  }
  return budget;
}

namespace {

// OpenRouter's: {"effort", "max_tokens", "enabled", "exclude"}.
void read_reasoning_object(Fields& f, const ModelInfo& model, Json& options, ThinkingOptions& result) {
  read_effort(f, "effort", model, options);
  if (const auto enabled = f.flag("enabled"))
    if (!set_thinking(model, *enabled, options)) f.hint("enabled");
  if (const auto budget = f.clamped_integer("max_tokens", 0, kMaxTokens))
    result.budget = static_cast<int>(*budget);
  result.shown = !f.flag("exclude").value_or(false);
  f.hint("summary");
  f.refuse_others();
}

}  // namespace

ThinkingOptions read_thinking(Fields& body, const ModelInfo& model) {
  ThinkingOptions result;
  const Json* given = body.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  if (const auto thinks = body.flag("enable_thinking"))
    if (!set_thinking(model, *thinks, options)) body.hint("enable_thinking");
  read_effort(body, "reasoning_effort", model, options);
  if (const Json* thinking = body.object("thinking")) {
    Fields f(body, *thinking, "thinking");
    read_thinking_object(f, model, options, result);
    f.hint_others();
  }
  if (const Json* reasoning = body.object("reasoning")) {
    Fields f(body, *reasoning, "reasoning");
    read_reasoning_object(f, model, options, result);
  }
  if (const auto budget = read_thought_budget(body)) result.budget = budget;
  if (!options.empty()) result.template_options = to_text(options);
  return result;
}

}  // namespace ferrum::server
