#include "server/anthropic/settings.h"

#include <algorithm>

#include "base/error.h"
#include "server/anthropic/message_format.h"

namespace ferrum::server::anthropic {
namespace {

using Choice = ToolUse::Choice;

void read_tools(Fields& body, OfferedTools& tools) {
  const Json* given = body.find("tools");
  if (!given) return;
  if (!given->is_array()) refuse("tools", "tools must be an array");
  for (size_t i = 0; i < given->size(); ++i) {
    Fields tool(body, (*given)[i], fmt::format("tools[{}]", i));
    if (tool.text("type").value_or("custom") != "custom") {
      tool.hint("type");
      continue;
    }
    const OfferedTool known = {.name = tool.text("name").value_or("")};
    const std::string description = tool.text("description").value_or("");
    const std::string schema = arguments_schema(tool, "input_schema");
    tool.flag("strict");                 // arguments always keep to their schema
    tool.flag("eager_input_streaming");  // they are always sent as they come
    tool.find("cache_control");          // all prompts are cached
    tool.hint_others();
    tools.add(tool, known,
              {.description = description, .schema = schema, .field = tool.path_of("input_schema")});
  }
}

ToolChoice read_choice(Fields& body) {
  ToolChoice choice;
  const Json* given = body.object("tool_choice");
  if (!given) return choice;
  Fields f(body, *given, "tool_choice");
  const std::string type = f.text("type").value_or("");
  if (type == "none") {
    choice.choice = Choice::kNone;
  } else if (type == "any") {
    choice.choice = Choice::kRequired;
  } else if (type == "tool") {
    choice.choice = Choice::kRequired;
    choice.only = OfferedTool{.name = f.text("name").value_or("")};
    if (choice.only->name.empty())
      f.refuse_value("name", f.path_of("name") + " is missing", "missing_required_parameter");
  } else if (type != "auto") {
    f.refuse_value("type", fmt::format("{} must be auto, any, tool or none, not {}", f.path_of("type"),
                                       in_quotes(type)));
  }
  choice.parallel = !f.flag("disable_parallel_tool_use").value_or(false);
  f.refuse_others();
  return choice;
}

ThinkingOptions read_thinking_options(Fields& body, const ModelInfo& model, Fields* output_config) {
  const Json* given = body.object("chat_template_kwargs");
  Json options = given ? *given : Json::object();
  ThinkingOptions result;
  if (const Json* thinking = body.object("thinking")) {
    Fields f(body, *thinking, "thinking");
    read_thinking_object(f, model, options, result);
    if (f.text("type") == "enabled" && !f.find("budget_tokens"))
      f.refuse_value("budget_tokens", f.path_of("budget_tokens") + " is missing",
                     "missing_required_parameter");
    const std::string display = f.text("display").value_or("summarized");
    if (display != "summarized" && display != "omitted")
      f.refuse_value("display", f.path_of("display") + " must be summarized or omitted");
    result.shown = display != "omitted";
    f.refuse_others();
  }
  if (output_config) read_effort(*output_config, "effort", model, options);
  if (const auto budget = read_thought_budget(body)) result.budget = budget;
  if (!options.empty()) result.template_options = to_text(options);
  return result;
}

std::optional<AskedRule> read_rule(Fields& body, Fields* output_config) {
  RuleReader reader(body);
  const auto read = [&](Fields& parent, const char* name) {
    const Json* format = parent.object(name);
    if (!format) return;
    Fields f(parent, *format, parent.path_of(name));
    reader.read_format(f, RuleReader::SchemaAt::kFlat);
  };
  if (output_config) read(*output_config, "format");
  read(body, "output_format");
  reader.read_other_engines();
  return reader.rule();
}

// Accepts edits that remove what is not in a prompt, or what it would be cheaper without.
void read_context_management(Fields& body) {
  const Json* management = body.object("context_management");
  if (!management) return;
  Fields m(body, *management, "context_management");
  const Json* edits = m.find("edits");
  const auto clears = [](const Json& edit) {
    const Json type = edit.is_object() ? edit.value("type", Json()) : Json();
    return type.is_string() && type.get<std::string>().starts_with("clear_");
  };
  if (edits && !(edits->is_array() && std::ranges::all_of(*edits, clears)))
    m.refuse("edits", "only edits of the types clear_… are known");
  m.refuse_others();
  body.hint("context_management", {Json::object(), Json{{"edits", Json::array()}}});
}

void read_other_fields(Fields& f) {
  f.object("metadata");
  f.hint("metadata", {Json::object()});
  f.hint("service_tier", {"auto", "standard_only"});
  f.hint("speed", {"standard"});
  f.find("cache_control");  // all prompts are cached
  f.hint("inference_geo");
  f.hint("user_profile_id");
  read_context_management(f);
  if (f.find("thread"))
    f.refuse_value("thread", "thread: conversations are not kept; send all messages", kNoThreads);
  f.refuse("container", "containers are not supported");
  f.refuse("mcp_servers", "MCP servers are not supported", {Json::array()});
}

}  // namespace

Settings read_settings(Fields& body, const ModelInfo& model) {
  Settings settings;
  read_tools(body, settings.tools);
  settings.use = settings.tools.use(body, "tool_choice", read_choice(body));
  std::optional<Fields> config;
  if (const Json* given = body.object("output_config")) config.emplace(body, *given, "output_config");
  Fields* const output_config = config ? &*config : nullptr;
  settings.thinking = read_thinking_options(body, model, output_config);
  settings.rule = read_rule(body, output_config);
  if (config) config->refuse_others();
  read_other_fields(body);
  return settings;
}

}  // namespace ferrum::server::anthropic
