#include "server/openai/response_items.h"

#include "server/api/ids.h"
#include "server/api/text_argument.h"
#include "server/api/tool_history.h"

namespace ferrum::server::openai {
namespace {

// Clients only hand it back, so that nothing needs to be secret: it is their own answer.
constexpr std::string_view kOurs = "ferrum:";

}  // namespace

OutputItem OutputItem::reasoning(bool encrypted) {
  OutputItem item = {.kind = Kind::kReasoning, .id = new_id("rs_")};
  item.encrypted = encrypted;
  return item;
}

OutputItem OutputItem::message() { return {.kind = Kind::kMessage, .id = new_id("msg_")}; }

OutputItem OutputItem::of(const AnsweredCall& call) {
  OutputItem item = {.kind = Kind::kCall, .id = new_id(call.takes_text() ? "ctc_" : "fc_")};
  item.call = call;
  return item;
}

Json OutputItem::part() const {
  if (kind == Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", text}};
  return {{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", logprobs}};
}

Json OutputItem::json(const char* status) const {
  Json item = {{"id", id}, {"status", status}};
  if (is_call()) {
    item["type"] = takes_text() ? "custom_tool_call" : "function_call";
    item["call_id"] = call.id;
    item["name"] = call.tool.name;
    if (!call.tool.name_space.empty()) item["namespace"] = call.tool.name_space;
    item[takes_text() ? "input" : "arguments"] = text;
    return item;
  }
  item["content"] = Json::array();
  if (status != std::string_view("in_progress")) item["content"].push_back(part());
  if (kind == Kind::kReasoning) {
    item["type"] = "reasoning";
    item["summary"] = Json::array();
    if (encrypted) item["encrypted_content"] = std::string(kOurs) + text;
  } else {
    item["type"] = "message";
    item["role"] = "assistant";
  }
  return item;
}

ChatMessage OutputItem::chat_message() const {
  ChatMessage message = {.role = "assistant", .content = {}};
  if (kind == Kind::kReasoning)
    message.reasoning = text;
  else if (kind == Kind::kMessage)
    message.content = text;
  else
    add_call(message, {.id = call.id,
                       .name = OfferedTools::function_of(call.tool),
                       .arguments = takes_text() ? text_arguments(text) : text});
  return message;
}

std::string thoughts_of_encrypted(const std::string& encrypted) {
  return encrypted.starts_with(kOurs) ? encrypted.substr(kOurs.size()) : "";
}

}  // namespace ferrum::server::openai
