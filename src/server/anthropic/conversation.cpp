#include "server/anthropic/conversation.h"

#include <algorithm>

#include "base/error.h"
#include "server/anthropic/documents.h"
#include "server/anthropic/server_tools.h"
#include "server/api/client_lines.h"
#include "server/api/text_parts.h"
#include "server/api/tool_history.h"

namespace ferrum::server::anthropic {
namespace {

constexpr TextPart kParts[] = {{"text", "text"}};

// One block that is read: text, or a document.
std::string text_of_block(const Fields& parent, const Json& block, const std::string& path) {
  return is_document(block) ? text_of_document(parent, block, path)
                            : text_of_part(parent, block, path, kParts);
}

std::string text_of_content(const Fields& parent, const Json& content, const std::string& path) {
  if (!content.is_array()) return text_of_parts(parent, content, path, kParts);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i)
    text += text_of_block(parent, content[i], fmt::format("{}[{}]", path, i));
  return text;
}

// Adjacent messages of one role are one turn.
ChatMessage& turn_of(const std::string& role, std::vector<ChatMessage>& turns) {
  if (turns.empty() || turns.back().role != role) turns.emplace_back().role = role;
  return turns.back();
}

void add_text(const std::string& role, const std::string& text, std::vector<ChatMessage>& turns) {
  const bool is_new = turns.empty() || turns.back().role != role;
  ChatMessage& turn = turn_of(role, turns);
  if (!is_new && !turn.content.empty()) turn.content += "\n\n";
  turn.content += text;
}

void add_system(Fields& body, const Json& content, const std::string& path, std::vector<ChatMessage>& turns) {
  std::string text = text_of_parts(body, without_client_lines(content), path, kParts);
  if (text.empty()) return;
  ChatMessage& message = turns.emplace_back();
  message.role = "system";
  message.content = std::move(text);
}

void add_tool_use(Fields& block, std::vector<ChatMessage>& turns) {
  const std::string id = block.text("id").value_or("");
  const std::string name = block.text("name").value_or("");
  if (name.empty()) block.refuse_value("name", block.path_of("name") + " is missing");
  add_call(turn_of("assistant", turns), {.id = id, .name = name, .arguments = arguments_of(block, "input")});
}

// Templates have no place for a result's failure, so its text says so.
void add_tool_result(Fields& block, std::vector<ChatMessage>& turns) {
  constexpr std::string_view kError = "Error";
  ChatMessage& result = turns.emplace_back();
  result.role = "tool";
  result.tool_call_id = block.text("tool_use_id").value_or("");
  if (is_server_result(block.text("type").value_or("")))
    result.content = text_of_server_result(block);
  else if (const Json* content = block.find("content"))
    result.content = text_of_content(block, *content, block.path_of("content"));
  if (block.flag("is_error").value_or(false) && !result.content.starts_with(kError))
    result.content = std::string(kError) + (result.content.empty() ? "" : ": " + result.content);
}

void add_thought(Fields& block, std::vector<ChatMessage>& turns) {
  const std::string thought = block.text("thinking").value_or("");
  ChatMessage& turn = turn_of("assistant", turns);
  if (!thought.empty()) turn.reasoning += (turn.reasoning.empty() ? "" : "\n\n") + thought;
}

// Whether the block is not text: what is thought, called or answered becomes a part of the turns. Thoughts
// that only Anthropic can read say nothing.
bool add_special_block(const std::string& role, const std::string& type, Fields& block,
                       std::vector<ChatMessage>& turns) {
  if (role == "assistant") {
    if (type == "tool_use" || is_server_call(type)) return add_tool_use(block, turns), true;
    if (is_server_result(type)) return add_tool_result(block, turns), true;
    if (type == "thinking") return add_thought(block, turns), true;
    return type == "redacted_thinking";
  }
  if (type == "tool_result") return add_tool_result(block, turns), true;
  return false;
}

// The texts between calls or results are one turn each.
void add_blocks(const Fields& body, const Json& content, const std::string& path, const std::string& role,
                std::vector<ChatMessage>& turns) {
  if (!content.is_array()) return add_text(role, text_of_parts(body, content, path, kParts), turns);
  std::string text;
  bool has_text = content.empty();
  const auto end_text = [&] {
    if (has_text) add_text(role, text, turns);
    text.clear();
    has_text = false;
  };
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    const Json type = content[i].is_object() ? content[i].value("type", Json()) : Json();
    if (type.is_string() && type != "text" && !is_document(content[i])) {
      end_text();
      Fields block(body, content[i], part_path);
      if (add_special_block(role, type, block, turns)) continue;
    }
    text += text_of_block(body, content[i], part_path);
    has_text = true;
  }
  end_text();
}

}  // namespace

ChatPrompt chat_prompt(Fields& body) {
  ChatPrompt chat;
  std::vector<ChatMessage>& turns = chat.messages;
  if (const Json* system = body.find("system")) add_system(body, *system, "system", turns);
  const Json& messages = body.required("messages");
  if (!messages.is_array() || messages.empty())
    refuse("messages", "messages must be an array with at least one message");
  for (size_t i = 0; i < messages.size(); ++i) {
    Fields f(body, messages[i], fmt::format("messages[{}]", i));
    const std::string role = f.text("role").value_or("");
    const Json& content = f.required("content");
    const std::string path = f.path_of("content");
    if (role == "system")
      add_system(body, content, path, turns);
    else if (role == "user" || role == "assistant")
      add_blocks(body, content, path, role, turns);
    else
      f.refuse_value("role", fmt::format("{} must be user, assistant or system, not {}", f.path_of("role"),
                                         in_quotes(role)));
  }
  settle_calls(turns);
  if (!turns.empty() && turns.back().role == "assistant") {
    chat.last_message = ChatPrompt::LastMessage::kContinued;
    if (!turns.back().tool_calls.empty())
      body.refuse_value("messages", "messages: the last one has tool_use blocks, whose results are missing");
  }
  return chat;
}

}  // namespace ferrum::server::anthropic
