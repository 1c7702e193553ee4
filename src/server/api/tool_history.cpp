#include "server/api/tool_history.h"

#include <map>

#include "base/error.h"

namespace ferrum::server {
namespace {

// `more` is an array with at least one call, and so is `calls` unless it is empty.
void append_calls(std::string& calls, std::string_view more) {
  if (calls.empty()) {
    calls = more;
    return;
  }
  calls.back() = ',';
  calls += more.substr(1);
}

std::string arguments_of(Fields& function) {
  const Json* arguments = function.find("arguments");
  if (!arguments) return "";
  if (arguments->is_string()) return arguments->get<std::string>();
  if (!arguments->is_object())
    function.refuse_value("arguments", function.path_of("arguments") + " must be a string of JSON");
  return to_text(*arguments);
}

}  // namespace

void add_call(ChatMessage& message, const ToolCall& call) {
  const Json function = {{"name", call.name}, {"arguments", call.arguments}};
  Json json = {{"type", "function"}, {"function", function}};
  if (!call.id.empty()) json["id"] = call.id;
  append_calls(message.tool_calls, to_text(Json::array({std::move(json)})));
}

void check_tool_turns(Fields& fields, const std::string& name, const ModelInfo& model) {
  if (!model.has_tool_turns)
    fields.refuse_value(name,
                        fields.path_of(name) + ": the model's chat template has no place for tool calls",
                        "unsupported_parameter");
}

void read_tool_calls(Fields& f, const ModelInfo& model, ChatMessage& message) {
  const Json* calls = f.find("tool_calls");
  if (!calls || *calls == Json::array()) return;
  check_tool_turns(f, "tool_calls", model);
  if (!calls->is_array()) return f.refuse_value("tool_calls", f.path_of("tool_calls") + " must be an array");
  for (size_t i = 0; i < calls->size(); ++i) {
    Fields call(f, (*calls)[i], fmt::format("{}[{}]", f.path_of("tool_calls"), i));
    const std::string type = call.text("type").value_or("function");
    if (type != "function") {
      call.refuse_value("type",
                        fmt::format("{} must be function, not {}", call.path_of("type"), in_quotes(type)),
                        "unsupported_parameter");
      continue;
    }
    Fields function(call, call.required("function"), call.path_of("function"));
    const std::string name = function.text("name").value_or("");
    if (name.empty())
      function.refuse_value("name", function.path_of("name") + " is missing", "missing_required_parameter");
    add_call(message,
             {.id = call.text("id").value_or(""), .name = name, .arguments = arguments_of(function)});
  }
}

void name_results(std::vector<ChatMessage>& messages) {
  std::map<std::string, std::string> names;
  for (ChatMessage& message : messages) {
    if (!message.tool_calls.empty())
      for (const Json& call : Json::parse(message.tool_calls))
        if (call.contains("id")) names[call["id"]] = call["function"]["name"];
    const auto name = names.find(message.tool_call_id);
    if (message.role == "tool" && message.name.empty() && name != names.end()) message.name = name->second;
  }
}

void join_calls(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> joined;
  for (ChatMessage& message : messages) {
    const bool has_calls_only =
        message.role == "assistant" && message.content.empty() && !message.tool_calls.empty();
    if (has_calls_only && !joined.empty() && joined.back().role == "assistant")
      append_calls(joined.back().tool_calls, message.tool_calls);
    else
      joined.push_back(std::move(message));
  }
  messages = std::move(joined);
}

}  // namespace ferrum::server
