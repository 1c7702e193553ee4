#include "server/openai/tool_items.h"

#include "server/api/tool_history.h"

namespace ferrum::server::openai {
namespace {

using Messages = std::vector<ChatMessage>;

ChatMessage call(const ToolCall& call) {
  ChatMessage message;
  message.role = "assistant";
  add_call(message, call);
  return message;
}

ChatMessage result(std::string id, std::string text) {
  ChatMessage message;
  message.role = "tool";
  message.content = std::move(text);
  message.tool_call_id = std::move(id);
  return message;
}

Messages nothing(Fields& item) {
  item.hint("type");
  return {};
}

std::string id_of(Fields& item) {
  const std::string own = item.text("id").value_or("");
  return item.text("call_id").value_or(own);
}

void append(std::string& text, std::string_view more, std::string_view between) {
  if (!text.empty() && !more.empty()) text += between;
  text += more;
}

// Text, or another value as JSON.
std::string text_or_json(Fields& item, const char* name) {
  const Json* value = item.find(name);
  if (!value) return "";
  return value->is_string() ? value->get<std::string>() : item.source(*value);
}

// The call that a client had to allow; its result is another item.
Messages approval_request(Fields& item) {
  const std::string name = item.text("name").value_or("");
  if (name.empty()) item.refuse_value("name", item.path_of("name") + " is missing");
  return {call({.id = id_of(item), .name = name, .arguments = arguments_of(item, "arguments")})};
}

Messages code_call(Fields& item) {
  const std::string id = id_of(item);
  const std::string code = item.text("code").value_or("");
  std::string text;
  if (const Json* outputs = item.find("outputs"); outputs && outputs->is_array())
    for (size_t i = 0; i < outputs->size(); ++i) {
      Fields output(item, (*outputs)[i], fmt::format("{}[{}]", item.path_of("outputs"), i));
      const bool is_image = output.text("type") == "image";
      append(text, is_image ? "(an image, which is not shown here)" : output.text("logs").value_or(""), "\n");
    }
  return {call({.id = id, .name = "code_interpreter", .arguments = to_text({{"code", code}})}),
          result(id, std::move(text))};
}

// Where the client did not ask for what was found, the answer that follows has it.
Messages file_search(Fields& item) {
  const Json* results = item.find("results");
  if (!results || !results->is_array() || results->empty()) return nothing(item);
  std::string text;
  for (size_t i = 0; i < results->size(); ++i) {
    Fields found(item, (*results)[i], fmt::format("{}[{}]", item.path_of("results"), i));
    std::string part = found.text("filename").value_or("");
    append(part, found.text("text").value_or(""), ":\n");
    append(text, part, "\n\n");
  }
  const std::string id = id_of(item);
  const Json queries = item.texts("queries").value_or(std::vector<std::string>{});
  return {call({.id = id, .name = "file_search", .arguments = to_text({{"queries", queries}})}),
          result(id, std::move(text))};
}

Messages image_generation(Fields& item) {
  const std::string id = id_of(item);
  const auto prompt = item.text("revised_prompt");
  const bool made = item.find("result") != nullptr;
  return {call({.id = id,
                .name = "image_generation",
                .arguments = prompt ? to_text({{"prompt", *prompt}}) : "{}"}),
          result(id, made ? "The user got the image, which is not shown here." : "There is no image.")};
}

// A call that the client makes: its field `of` says what is done. The result is another item.
Messages client_call(Fields& item, const char* name, const char* of) {
  const Json& what = item.required(of);
  const std::string arguments = item.source(what);
  return {call({.id = id_of(item),
                .name = name,
                .arguments = what.is_object() ? arguments : fmt::format(R"({{"{}":{}}})", of, arguments)})};
}

Messages client_result(Fields& item) {
  std::string text = text_or_json(item, "output");
  if (text.empty()) text = item.text("status").value_or("");
  return {result(id_of(item), std::move(text))};
}

Messages screenshot(Fields& item) {
  item.refuse_value(
      "output", item.path_of("output") + ": this model reads text only, and a computer's screen is an image",
      "unsupported_parameter");
  return {};
}

}  // namespace

ToolItems::ToolItems(const Json& input) {
  if (!input.is_array()) return;
  for (const Json& item : input) {
    if (!item.is_object()) continue;
    const Json type = item.value("type", Json());
    const Json id = item.value(type == "mcp_call" ? "approval_request_id" : "id", Json());
    if (!id.is_string()) continue;
    if (type == "mcp_approval_request") asked_.insert(id);
    if (type == "mcp_call") answered_.insert(id);
  }
}

Messages ToolItems::mcp_call(Fields& item) const {
  const std::string name = item.text("name").value_or("");
  if (name.empty()) item.refuse_value("name", item.path_of("name") + " is missing");
  const std::string own = item.text("id").value_or("");
  const std::string id = item.text("approval_request_id").value_or(own);
  Messages messages;
  if (!asked_.contains(id))
    messages.push_back(call({.id = id, .name = name, .arguments = arguments_of(item, "arguments")}));
  std::string text = item.text("output").value_or("");
  if (item.find("error")) append(text, "Error: " + text_or_json(item, "error"), "\n\n");
  messages.push_back(result(id, std::move(text)));
  return messages;
}

Messages ToolItems::approval_response(Fields& item) const {
  const std::string id = item.text("approval_request_id").value_or("");
  const std::string reason = item.text("reason").value_or("");
  if (item.flag("approve").value_or(false)) {
    if (!answered_.contains(id))
      item.refuse_value("approve",
                        item.path_of("approve") +
                            ": this server runs no tools, so a call that is approved needs its mcp_call item",
                        "unsupported_parameter");
    return nothing(item);
  }
  std::string text = "Error: the user did not allow this call";
  append(text, reason, ": ");
  return {result(id, std::move(text))};
}

std::optional<Messages> ToolItems::messages(Fields& item, const std::string& type) const {
  if (type == "web_search_call" || type == "mcp_list_tools") return nothing(item);
  if (type == "file_search_call") return file_search(item);
  if (type == "mcp_call") return mcp_call(item);
  if (type == "mcp_approval_request") return approval_request(item);
  if (type == "mcp_approval_response") return approval_response(item);
  if (type == "code_interpreter_call") return code_call(item);
  if (type == "image_generation_call") return image_generation(item);
  if (type == "local_shell_call") return client_call(item, "local_shell", "action");
  if (type == "shell_call") return client_call(item, "shell", "action");
  if (type == "apply_patch_call") return client_call(item, "apply_patch", "operation");
  if (type == "computer_call")
    return client_call(item, "computer", item.find("actions") ? "actions" : "action");
  if (type == "local_shell_call_output" || type == "shell_call_output" || type == "apply_patch_call_output")
    return client_result(item);
  if (type == "computer_call_output") return screenshot(item);
  return std::nullopt;
}

}  // namespace ferrum::server::openai
