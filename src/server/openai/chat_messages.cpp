#include "server/openai/chat_messages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "server/api/client_lines.h"
#include "server/api/text_parts.h"
#include "server/api/tool_history.h"

namespace ferrum::server::openai {
namespace {

constexpr TextPart kParts[] = {{"text", "text"}, {"refusal", "refusal"}};

std::string role_of(Fields& f) {
  const Json& given = f.required("role");
  if (!given.is_string()) server::refuse(f.path_of("role"), "{} must be a string", f.path_of("role"));
  const std::string role = given.get<std::string>();
  if (role == "developer") return "system";  // the newer name of the same role
  if (role == "function") return "tool";     // the older one
  static const std::vector<std::string> kRoles = {"system", "user", "assistant", "tool"};
  if (std::ranges::find(kRoles, role) == kRoles.end())
    server::refuse(f.path_of("role"), "{} must be system, developer, user, assistant or tool, not {}",
                   f.path_of("role"), in_quotes(role));
  return role;
}

// Under the names of several servers. Other shapes say nothing that a template could show.
std::string thoughts_of(Fields& f) {
  for (const char* name : {"reasoning_content", "reasoning"})
    if (const Json* thoughts = f.find(name); thoughts && thoughts->is_string())
      return thoughts->get<std::string>();
  return {};
}

// Nothing for a system message that has no text for the model.
std::optional<ChatMessage> message_of(const Fields& body, const Json& json, const std::string& path) {
  Fields f(body, json, path);
  ChatMessage message = {.role = role_of(f), .content = {}};
  // An assistant's message may lack content. In any message null stands for an empty one.
  if (message.role != "assistant" && !json.contains("content")) f.required("content");
  if (const Json* content = f.find("content")) {
    if (message.role == "system" && has_client_lines_only(*content)) return std::nullopt;
    message.content =
        text_of_parts(body, message.role == "system" ? without_client_lines(*content) : *content,
                      f.path_of("content"), kParts);
  }
  message.name = f.text("name").value_or("");
  if (message.role == "assistant") {
    read_tool_calls(f, message);
    message.reasoning = thoughts_of(f);
  }
  if (message.role == "tool") message.tool_call_id = f.text("tool_call_id").value_or("");
  f.refuse("audio", "this model reads text only");
  // Other fields are tolerated, since clients send back whatever earlier answers contained.
  return message;
}

void read_end(Fields& f, ChatPrompt& prompt) {
  if (!f.flag("add_generation_prompt").value_or(true)) prompt.last_message = ChatPrompt::LastMessage::kClosed;
  if (!f.flag("continue_final_message").value_or(false)) return;
  if (prompt.messages.back().role != "assistant")
    f.refuse_value("continue_final_message",
                   "continue_final_message: the last message is not an assistant's");
  else if (!prompt.messages.back().tool_calls.empty())
    f.refuse_value("continue_final_message", "continue_final_message: the last message has tool calls");
  prompt.last_message = ChatPrompt::LastMessage::kContinued;
}

}  // namespace

Chat read_chat(Fields& f, const Engine& engine) {
  Chat chat;
  const Json& messages = f.required("messages");
  if (!messages.is_array() || messages.empty())
    server::refuse("messages", "messages must be an array with at least one message");
  for (size_t i = 0; i < messages.size(); ++i)
    if (auto message = message_of(f, messages[i], fmt::format("messages[{}]", i)))
      chat.prompt.messages.push_back(*std::move(message));
  if (chat.prompt.messages.empty()) server::refuse("messages", "messages must have a text for the model");
  settle_calls(chat.prompt.messages);
  chat.tools = read_chat_tools(f);
  chat.prompt.tools = chat.tools.use;
  chat.thinking = read_thinking(f, engine.info());
  chat.prompt.template_options = chat.thinking.template_options;
  read_end(f, chat.prompt);
  return chat;
}

}  // namespace ferrum::server::openai
