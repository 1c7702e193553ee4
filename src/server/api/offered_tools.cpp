#include "server/api/offered_tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "server/api/text_argument.h"

namespace ferrum::server {
namespace {

constexpr std::string_view kSeparator = "__";
constexpr const char* kNoArguments = R"({"type":"object","properties":{}})";

std::string shown(const OfferedTool& tool) {
  return in_quotes(tool.name_space.empty() ? tool.name : tool.name_space + "." + tool.name);
}

}  // namespace

std::string arguments_schema(Fields& tool, const std::string& name) {
  const Json* schema = tool.object(name);
  if (!schema) return "";
  const Json type = schema->value("type", Json("object"));
  const bool may_be_object =
      type.is_array() ? std::ranges::find(type, "object") != type.end() : type == "object";
  if (!may_be_object && (type.is_string() || type.is_array()))
    tool.refuse_value(name, fmt::format("{}: arguments are an object, so its type must be object, not {}",
                                        tool.path_of(name), to_text(type)));
  return tool.source(*schema);
}

// Clients name the tools of MCP servers "server__tool", and some put the separator into the name space.
std::string OfferedTools::function_of(const OfferedTool& tool) {
  if (tool.name_space.empty()) return tool.name;
  if (tool.name_space.ends_with(kSeparator)) return tool.name_space + tool.name;
  return tool.name_space + std::string(kSeparator) + tool.name;
}

void OfferedTools::add(Fields& fields, const OfferedTool& tool, const ToolText& text) {
  if (tool.name.empty())
    return fields.refuse_value("name", fields.path_of("name") + " is missing", "missing_required_parameter");
  const std::string function = function_of(tool);
  if (!tools_.emplace(function, tool).second)
    return fields.refuse_value(
        "name", fmt::format("{}: there are two tools {}", fields.path_of("name"), shown(tool)));
  const std::string schema = tool.takes == OfferedTool::Takes::kText ? text_schema(text.schema)
                             : text.schema.empty()                   ? kNoArguments
                                                                     : text.schema;
  const std::string description =
      text.description.empty() ? "" : R"(,"description":)" + json_string(text.description);
  functions_.push_back({function,
                        fmt::format(R"({{"type":"function","function":{{"name":{}{},"parameters":{}}}}})",
                                    json_string(function), description, schema),
                        text.field.empty() ? fields.path_of("name") : text.field});
}

std::map<std::string, std::string> OfferedTools::fields() const {
  std::map<std::string, std::string> fields;
  for (const Function& function : functions_) fields.emplace(function.name, function.field);
  return fields;
}

ToolUse OfferedTools::use(Fields& body, const std::string& name, const ToolChoice& choice) const {
  ToolUse use = {.functions = {}, .choice = choice.choice, .only = {}, .parallel = choice.parallel};
  const auto offers = [&](const OfferedTool& tool) {
    if (tools_.contains(function_of(tool))) return true;
    body.refuse_value(name, fmt::format("{}: there is no tool {}", name, shown(tool)));
    return false;
  };
  std::set<std::string> allowed;
  if (choice.allowed)
    for (const OfferedTool& tool : *choice.allowed)
      if (offers(tool)) allowed.insert(function_of(tool));
  if (choice.only && offers(*choice.only)) use.only = function_of(*choice.only);
  for (const Function& function : functions_) {
    if (choice.allowed && !allowed.contains(function.name)) continue;
    use.functions += (use.functions.empty() ? "[" : ",") + function.json;
  }
  if (!use.functions.empty()) use.functions += "]";
  if (use.functions.empty() && choice.choice == ToolUse::Choice::kRequired)
    body.refuse_value(name, name + ": there is no tool to call");
  return use;
}

OfferedTool OfferedTools::tool_of(const std::string& function) const {
  const auto found = tools_.find(function);
  return found == tools_.end() ? OfferedTool{.name = function} : found->second;
}

}  // namespace ferrum::server
