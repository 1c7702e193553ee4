#include "server/openai/response_input.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "server/api/client_lines.h"
#include "server/api/ids.h"
#include "server/api/text_argument.h"
#include "server/api/text_parts.h"
#include "server/api/tool_history.h"
#include "server/openai/response_items.h"
#include "server/openai/tool_items.h"

namespace ferrum::server::openai {
namespace {

constexpr TextPart kParts[] = {{"input_text", "text"}, {"output_text", "text"},    {"refusal", "refusal"},
                               {"text", "text"},       {"reasoning_text", "text"}, {"summary_text", "text"}};

ChatMessage message_of(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

// A call of a function, or of a tool that takes text.
ChatMessage message_of_call(Fields& f, const std::string& type) {
  const OfferedTool tool = {.name = f.text("name").value_or(""),
                            .name_space = f.text("namespace").value_or("")};
  if (tool.name.empty()) f.refuse_value("name", f.path_of("name") + " is missing");
  const std::string arguments = type == "custom_tool_call" ? text_arguments(f.text("input").value_or(""))
                                                           : arguments_of(f, "arguments");
  ChatMessage message = message_of("assistant", "");
  add_call(message, {.id = f.text("call_id").value_or(""),
                     .name = OfferedTools::function_of(tool),
                     .arguments = arguments});
  return message;
}

ChatMessage message_of_result(Fields& f) {
  ChatMessage message =
      message_of("tool", text_of_parts(f, f.required("output"), f.path_of("output"), kParts));
  message.tool_call_id = f.text("call_id").value_or("");
  return message;
}

// Thoughts as they were, or else what of them the client has.
ChatMessage message_of_reasoning(Fields& f) {
  ChatMessage message = message_of("assistant", "");
  if (const auto encrypted = f.text("encrypted_content"))
    message.reasoning = thoughts_of_encrypted(*encrypted);
  for (const char* name : {"content", "summary"})
    if (const Json* parts = f.find(name); parts && message.reasoning.empty())
      message.reasoning = text_of_parts(f, *parts, f.path_of(name), kParts);
  return message;
}

// What an item adds to the prompt.
std::vector<ChatMessage> messages_of_item(const Fields& body, const Json& json, const std::string& path,
                                          const ToolItems& tools, ResponseStore& store) {
  Fields f(body, json, path);
  const bool reference = !f.find("type") && !f.find("role") && f.find("id");
  const std::string type = f.text("type").value_or(reference ? "item_reference" : "message");
  if (type == "reasoning") {
    const ChatMessage message = message_of_reasoning(f);
    return message.reasoning.empty() ? std::vector<ChatMessage>{} : std::vector{message};
  }
  if (type == "item_reference") {
    const std::string id = f.text("id").value_or("");
    const std::optional<StoredItem> item = store.find_item(id);
    if (!item)
      throw ApiError(404, "item_not_found", f.path_of("id"),
                     fmt::format("{}: there is no item {} here; it may have been evicted", f.path_of("id"),
                                 in_quotes(id)));
    return item->messages;
  }
  if (type == "function_call" || type == "custom_tool_call") return {message_of_call(f, type)};
  if (type == "function_call_output" || type == "custom_tool_call_output") return {message_of_result(f)};
  if (auto messages = tools.messages(f, type)) return std::move(*messages);
  if (type != "message") {
    f.refuse_value("type",
                   fmt::format("{}: items of type {} are not supported, only message, function_call, "
                               "custom_tool_call, their outputs, those of other tools, reasoning and "
                               "item_reference",
                               f.path_of("type"), in_quotes(type)),
                   "unsupported_parameter");
    return {};
  }
  const std::string role = f.text("role").value_or("");
  if (role != "system" && role != "developer" && role != "user" && role != "assistant") {
    f.refuse_value("role", fmt::format("{} must be user, assistant, system or developer, not {}",
                                       f.path_of("role"), in_quotes(role)));
    return {};
  }
  const Json& content = f.required("content");
  const bool is_system = role == "system" || role == "developer";
  if (is_system && has_client_lines_only(content)) return {};
  return {message_of(role, text_of_parts(body, is_system ? without_client_lines(content) : content,
                                         f.path_of("content"), kParts))};
}

// The input as items, in the form in which it is listed later.
Json items_of(const Json& input) {
  if (input.is_array()) return input;
  return Json::array({{{"type", "message"},
                       {"role", "user"},
                       {"content", Json::array({{{"type", "input_text"}, {"text", input}}})}}});
}

const char* id_prefix_of(const Json& item) {
  const Json type = item.value("type", Json());
  if (type == "custom_tool_call") return "ctc_";
  if (type == "custom_tool_call_output") return "ctco_";
  return type == "function_call"          ? "fc_"
         : type == "function_call_output" ? "fco_"
         : type == "reasoning"            ? "rs_"
                                          : "msg_";
}

bool is_turn(const ChatMessage& message) { return message.role != "system" && message.role != "developer"; }

}  // namespace

ChatPrompt ResponseInput::prompt() const {
  ChatPrompt chat;
  if (instructions.is_string() && !has_client_lines_only(instructions))
    chat.messages.push_back(message_of("system", without_client_lines(instructions)));
  chat.messages.insert(chat.messages.end(), messages.begin(), messages.end());
  join_turns(chat.messages);
  settle_calls(chat.messages);
  return chat;
}

ResponseInput read_input(Fields& f, ResponseStore& store) {
  ResponseInput in;
  if (const auto previous = f.text("previous_response_id")) {
    const std::shared_ptr<const StoredResponse> stored = store.find(*previous);
    if (!stored)
      throw ApiError(404, "previous_response_not_found", "previous_response_id",
                     "there is no response " + in_quotes(*previous) + " here; it may have been evicted");
    in.messages = stored->messages;
    in.previous = *previous;
  }
  const Json& input = f.required("input");
  if (!input.is_string() && (!input.is_array() || input.empty()))
    server::refuse("input", "input must be a string, or an array with at least one item");
  in.items = items_of(input);
  const ToolItems tools(input);
  for (size_t i = 0; i < in.items.size(); ++i) {
    Json& item = in.items[i];
    // Of the body itself, whose text is known, where the input has items.
    const std::vector<ChatMessage> messages =
        messages_of_item(f, input.is_array() ? input[i] : item, fmt::format("input[{}]", i), tools, store);
    if (!item.contains("id") || !item["id"].is_string()) item["id"] = new_id(id_prefix_of(item));
    in.messages.insert(in.messages.end(), messages.begin(), messages.end());
    in.stored.push_back({item["id"], messages});
  }
  if (const auto instructions = f.text("instructions")) in.instructions = *instructions;
  return in;
}

void truncate(const Engine& engine, ChatPrompt& prompt, int answer_tokens) {
  const std::vector<ChatMessage> all = prompt.messages;
  // The numbers of turns that can be dropped such that the rest begins with the user.
  std::vector<size_t> counts = {0};
  size_t turns = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!is_turn(all[i])) continue;
    if (turns > 0 && all[i].role == "user") counts.push_back(turns);
    ++turns;
  }
  const auto drop = [&](size_t count) {
    prompt.messages.clear();
    size_t turn = 0;
    for (const ChatMessage& message : all)
      if (!is_turn(message) || turn++ >= count) prompt.messages.push_back(message);
  };
  const auto fits = [&](size_t count) {
    drop(count);
    return static_cast<int>(engine.tokens_of(prompt).size()) + answer_tokens <= engine.info().context;
  };
  const auto fewest =
      std::partition_point(counts.begin(), counts.end() - 1, [&](size_t count) { return !fits(count); });
  drop(*fewest);
}

}  // namespace ferrum::server::openai
