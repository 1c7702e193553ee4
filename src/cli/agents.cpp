#include "cli/agents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace ferrum::cli {
namespace {

constexpr int kMostOutput = 32'000;  // tokens of an answer, as agents ask for

// https://code.claude.com/docs/en/llm-gateway and .../model-config
AgentCall claude(const AgentServer& server) {
  AgentCall call;
  call.environment = {{"ANTHROPIC_BASE_URL", server.url},
                      {"ANTHROPIC_AUTH_TOKEN", server.key},
                      {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"}};
  for (const char* variable :
       {"ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL"})
    call.environment[variable] = server.model;
  call.unset = {"ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
                "CLAUDE_CODE_USE_FOUNDRY"};
  return call;
}

// https://developers.openai.com/codex/config-reference: values are TOML, whose strings are JSON's.
AgentCall codex(const AgentServer& server) {
  AgentCall call;
  const auto set = [&](const std::string& name, const std::string& value) {
    call.arguments.insert(call.arguments.end(), {"-c", name + "=" + value});
  };
  const auto text = [](const std::string& value) { return Json(value).dump(); };
  set("model_provider", text("ferrum"));
  set("model", text(server.model));
  if (server.context > 0) set("model_context_window", std::to_string(server.context));
  set("model_providers.ferrum.name", text("Ferrum"));
  set("model_providers.ferrum.base_url", text(server.url + "/v1"));
  set("model_providers.ferrum.wire_api", text("responses"));
  set("model_providers.ferrum.env_key", text("FERRUM_AGENT_KEY"));
  call.environment["FERRUM_AGENT_KEY"] = server.key;
  return call;
}

// https://opencode.ai/docs/config and .../providers
AgentCall opencode(const AgentServer& server) {
  OrderedJson model = {{"name", server.model}};
  if (server.context > 0)
    model["limit"] = {{"context", server.context}, {"output", std::min(server.context / 2, kMostOutput)}};
  const std::string name = "ferrum/" + server.model;
  const OrderedJson provider = {{"npm", "@ai-sdk/openai-compatible"},
                                {"name", "Ferrum"},
                                {"options", {{"baseURL", server.url + "/v1"}, {"apiKey", server.key}}},
                                {"models", {{server.model, model}}}};
  const OrderedJson config = {{"provider", {{"ferrum", provider}}}, {"model", name}, {"small_model", name}};
  return {.arguments = {}, .environment = {{"OPENCODE_CONFIG_CONTENT", config.dump()}}, .unset = {}};
}

// https://qwenlm.github.io/qwen-code-docs
AgentCall qwen(const AgentServer& server) {
  return {.arguments = {"--auth-type", "openai"},
          .environment = {{"OPENAI_BASE_URL", server.url + "/v1"},
                          {"OPENAI_API_KEY", server.key},
                          {"OPENAI_MODEL", server.model}},
          .unset = {}};
}

}  // namespace

const std::vector<Agent>& agents() {
  static const std::vector<Agent> kAgents = {{"claude", "Claude Code", "@anthropic-ai/claude-code", claude},
                                             {"codex", "Codex", "@openai/codex", codex},
                                             {"opencode", "OpenCode", "opencode-ai", opencode},
                                             {"qwen", "Qwen Code", "@qwen-code/qwen-code", qwen}};
  return kAgents;
}

std::vector<std::string> agent_names() {
  std::vector<std::string> names;
  for (const Agent& agent : agents()) names.emplace_back(agent.name);
  return names;
}

const Agent& agent_named(std::string_view name) {
  const auto found = std::ranges::find(agents(), name, &Agent::name);
  if (found == agents().end()) fail(ErrorCode::kNotFound, "there is no agent {}", in_quotes(name));
  return *found;
}

}  // namespace ferrum::cli
