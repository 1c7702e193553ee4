#include "engine/turn_rules.h"

#include <algorithm>

#include "base/error.h"

namespace ferrum {
namespace {

void append(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "\n\n";
  text += more;
}

bool is_system(const ChatMessage& message) { return message.role == "system"; }
bool is_user(const ChatMessage& message) { return message.role == "user"; }

ChatMessage message_of(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

// Late system messages join the turns of the user.
std::vector<ChatMessage> without_late_systems(std::vector<ChatMessage> messages, size_t first_late) {
  std::vector<ChatMessage> fitted;
  std::string waiting;  // for the user turn that follows
  for (size_t i = 0; i < messages.size(); ++i) {
    ChatMessage& message = messages[i];
    if (is_system(message) && i >= first_late) {
      if (waiting.empty() && !fitted.empty() && is_user(fitted.back())) {
        append(fitted.back().content, message.content);
      } else {
        append(waiting, message.content);
      }
      continue;
    }
    if (!waiting.empty() && is_user(message)) {
      append(waiting, message.content);
      message.content = std::move(waiting);
    } else if (!waiting.empty()) {
      fitted.push_back(message_of("user", std::move(waiting)));
    }
    waiting.clear();
    fitted.push_back(std::move(message));
  }
  if (!waiting.empty()) fitted.push_back(message_of("user", std::move(waiting)));
  return fitted;
}

// The leading system messages as one.
void join_leading_systems(std::vector<ChatMessage>& messages) {
  while (messages.size() > 1 && is_system(messages[0]) && is_system(messages[1])) {
    append(messages[0].content, messages[1].content);
    messages.erase(messages.begin() + 1);
  }
}

void join_speakers(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> joined;
  for (ChatMessage& message : messages) {
    if (!joined.empty() && joined.back().role == message.role && !is_system(message))
      append(joined.back().content, message.content);
    else
      joined.push_back(std::move(message));
  }
  messages = std::move(joined);
}

}  // namespace

TurnRules turn_rules_of(const std::function<std::string(const std::vector<ChatMessage>&)>& render,
                        const std::string& source) {
  // Whether the template writes all texts, in their order.
  const auto takes = [&](const std::vector<const char*>& roles) {
    std::vector<ChatMessage> messages;
    for (const char* role : roles)
      messages.push_back(message_of(role, "probe" + std::to_string(messages.size()) + "text"));
    std::string text;
    try {
      text = render(messages);
    } catch (const Error&) {
      return false;
    }
    size_t at = 0;
    for (const ChatMessage& message : messages) {
      at = text.find(message.content, at);
      if (at == std::string::npos) return false;
    }
    return true;
  };

  TurnRules rules;
  if (!takes({"user"})) return rules;
  using System = TurnRules::System;
  rules.system = takes({"system", "user", "assistant", "system", "user", "system"}) ? System::kAnywhere
                 : takes({"system", "system", "user"})                              ? System::kBeginning
                 : takes({"system", "user"})                                        ? System::kFirst
                                                                                    : System::kNone;
  rules.system_alone = takes({"system"});
  rules.developer = source.find("developer") != std::string::npos && takes({"developer", "user"});
  rules.tool = takes({"user", "assistant", "tool", "assistant", "user"});
  rules.repeats_speakers = takes({"user", "user", "assistant", "assistant", "user"});
  return rules;
}

std::vector<ChatMessage> fit_turns(std::span<const ChatMessage> given, const TurnRules& rules) {
  using System = TurnRules::System;
  std::vector<ChatMessage> messages(given.begin(), given.end());
  for (ChatMessage& message : messages) {
    if (message.role == "developer" && !rules.developer) message.role = "system";
    if (message.role == "tool" && !rules.tool) message.role = "user";
  }
  if (!rules.system_alone && !messages.empty() && std::ranges::all_of(messages, is_system))
    messages.back().role = "user";
  if (rules.system == System::kFirst || rules.system == System::kNone) join_leading_systems(messages);
  if (rules.system != System::kAnywhere) {
    const auto leading =
        static_cast<size_t>(std::ranges::find_if_not(messages, is_system) - messages.begin());
    messages = without_late_systems(std::move(messages), rules.system == System::kNone ? 0 : leading);
  }
  if (!rules.repeats_speakers) join_speakers(messages);
  return messages;
}

}  // namespace ferrum
