#include "cli/conversation.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace ferrum::cli {
namespace {

constexpr const char* kFormat = "ferrum_chat";
constexpr int kVersion = 1;

const std::string& text_of(const Json& object, const char* name, const std::string& source) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string())
    fail(ErrorCode::kBadFile, "{}: a conversation without the text {}", source, in_quotes(name));
  return found->get_ref<const std::string&>();
}

}  // namespace

std::string to_json(const Conversation& conversation) {
  Json messages = Json::array();
  for (const ChatMessage& m : conversation.messages)
    messages.push_back({{"role", m.role}, {"content", m.content}});
  const Json all = {{kFormat, kVersion}, {"system", conversation.system}, {"messages", std::move(messages)}};
  // Typed text may be malformed UTF-8.
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Conversation conversation_from(std::string_view json, const std::string& source) {
  const Json all = json.empty() ? Json() : parse_json(json, source, {.max_depth = 8});
  if (!all.is_object() || !all.contains(kFormat))
    fail(ErrorCode::kBadFile, "{}: a session, but not a conversation of ferrum run", source);
  if (all[kFormat] != kVersion)
    fail(ErrorCode::kUnsupported,
         "{}: version {} of the conversation's format, but this program reads version {}", source,
         in_quotes(all[kFormat].dump()), kVersion);
  Conversation conversation = {.system = text_of(all, "system", source), .messages = {}};
  const auto messages = all.find("messages");
  if (messages == all.end() || !messages->is_array())
    fail(ErrorCode::kBadFile, "{}: a conversation without messages", source);
  for (const Json& m : *messages)
    conversation.messages.push_back({text_of(m, "role", source), text_of(m, "content", source)});
  return conversation;
}

}  // namespace ferrum::cli
