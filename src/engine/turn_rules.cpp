#include "engine/turn_rules.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace ferrum {
namespace {

void append(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "\n\n";
  text += more;
}

std::optional<std::string> text_of(const RenderTurns& render, const std::vector<ChatMessage>& messages,
                                   const CallForm& form) {
  try {
    return render(messages, form);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool has_in_order(const std::string& text, const std::vector<std::string>& parts) {
  size_t at = 0;
  for (const std::string& part : parts) {
    at = text.find(part, at);
    if (at == std::string::npos) return false;
    at += part.size();
  }
  return true;
}

bool is_system(const ChatMessage& message) { return message.role == "system"; }
bool is_user(const ChatMessage& message) { return message.role == "user"; }
bool is_tool(const ChatMessage& message) { return message.role == "tool"; }
// A turn of user or assistant that is nothing but text.
bool is_plain(const ChatMessage& message) {
  return !is_system(message) && !is_tool(message) && message.tool_calls.empty();
}

ChatMessage message_of(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

// A question, a call with its result, and what follows.
std::vector<ChatMessage> call_probe(const std::vector<ChatMessage>& more) {
  ChatMessage call = message_of("assistant", "");
  call.tool_calls = R"([{"id":"call_probe_0123456789","type":"function","function":{"name":"probe_tool",)"
                    R"("arguments":"{\"probe_key\":\"probe_value\"}"}}])";
  ChatMessage result = message_of("tool", "probe_result");
  result.name = "probe_tool";
  result.tool_call_id = "call_probe_0123456789";
  std::vector<ChatMessage> messages = {message_of("user", "probe0text"), call, result};
  messages.insert(messages.end(), more.begin(), more.end());
  return messages;
}

// The first form in which the template writes a call with its arguments, and then its result.
std::optional<CallForm> call_form_of(const RenderTurns& render) {
  const std::vector<ChatMessage> messages =
      call_probe({message_of("assistant", "probe1text"), message_of("user", "probe2text")});
  for (const auto content : {CallForm::Content::kEmpty, CallForm::Content::kNone})
    for (const auto arguments : {CallForm::Arguments::kObject, CallForm::Arguments::kText})
      for (const auto ids : {CallForm::Ids::kAny, CallForm::Ids::kNine}) {
        const CallForm form = {.arguments = arguments, .content = content, .ids = ids};
        const std::optional<std::string> text = text_of(render, messages, form);
        // An object that is printed as Python would print it is not what the model was trained on.
        if (text && text->find("'probe_key'") == std::string::npos &&
            has_in_order(*text, {"probe0text", "probe_tool", "probe_key", "probe_value", "probe_result",
                                 "probe1text", "probe2text"}))
          return form;
      }
  return std::nullopt;
}

// Whether arguments may be text that is no object.
bool takes_odd_arguments(const RenderTurns& render, const CallForm& form) {
  std::vector<ChatMessage> messages = call_probe({});
  OrderedJson calls = OrderedJson::parse(messages[1].tool_calls);
  calls[0]["function"]["arguments"] = "probe_odd";
  messages[1].tool_calls = calls.dump();
  const std::optional<std::string> text = text_of(render, messages, form);
  return text && has_in_order(*text, {"probe_tool", "probe_odd", "probe_result"});
}

bool takes_thought_beside_calls(const RenderTurns& render, const CallForm& form) {
  std::vector<ChatMessage> messages = call_probe({});
  messages[1].reasoning = "probe_thought";
  const std::optional<std::string> text = text_of(render, messages, form);
  return text && has_in_order(*text, {"probe_thought", "probe_value", "probe_result"});
}

// Two calls in one message, `text` beside them, and their results.
std::vector<ChatMessage> two_calls(const std::string& text) {
  std::vector<ChatMessage> messages = call_probe({});
  messages[1].content = text;
  messages[1].tool_calls.insert(
      messages[1].tool_calls.size() - 1,
      R"(,{"id":"call_probe_9876543210","type":"function","function":{"name":"probe_tool",)"
      R"("arguments":"{\"probe_key\":\"probe_other\"}"}})");
  ChatMessage other = messages[2];
  other.content = "probe_second";
  other.tool_call_id = "call_probe_9876543210";
  messages.push_back(other);
  return messages;
}

bool takes_several_calls(const RenderTurns& render, const CallForm& form) {
  const std::optional<std::string> text = text_of(render, two_calls(""), form);
  return text && has_in_order(*text, {"probe_value", "probe_other", "probe_result", "probe_second"});
}

bool takes_user_after_result(const RenderTurns& render, const CallForm& form) {
  const std::optional<std::string> text =
      text_of(render, call_probe({message_of("user", "probe1text")}), form);
  return text && has_in_order(*text, {"probe0text", "probe_tool", "probe_result", "probe1text"});
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

// Text that a call's message has beside it gets a message of its own, with the thought unless that `stays`.
void part_text_from_calls(std::vector<ChatMessage>& messages, bool thought_stays) {
  std::vector<ChatMessage> parted;
  for (ChatMessage& message : messages) {
    if (!message.tool_calls.empty() && !message.content.empty()) {
      parted.push_back(message_of(message.role, std::exchange(message.content, "")));
      if (!thought_stays) parted.back().reasoning = std::exchange(message.reasoning, "");
    }
    parted.push_back(std::move(message));
  }
  messages = std::move(parted);
}

// Each call of a message in a message of its own, with its result, if there is one, behind it.
void part_calls(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> parted;
  for (size_t i = 0; i < messages.size(); ++i) {
    const OrderedJson calls = messages[i].tool_calls.empty()
                                  ? OrderedJson()
                                  : OrderedJson::parse(messages[i].tool_calls, nullptr, false);
    if (!calls.is_array() || calls.size() < 2) {
      parted.push_back(std::move(messages[i]));
      continue;
    }
    size_t end = i + 1;  // of the results
    while (end < messages.size() && is_tool(messages[end])) ++end;
    std::vector<ChatMessage> results(std::make_move_iterator(messages.begin() + static_cast<long>(i) + 1),
                                     std::make_move_iterator(messages.begin() + static_cast<long>(end)));
    ChatMessage message = std::move(messages[i]);
    for (const OrderedJson& call : calls) {
      message.tool_calls = OrderedJson::array({call}).dump();
      parted.push_back(message);
      message.content.clear();
      message.reasoning.clear();
      const std::string id = call.is_object() ? call.value("id", OrderedJson("")).dump() : "";
      const auto result = std::ranges::find_if(
          results, [&](const ChatMessage& one) { return OrderedJson(one.tool_call_id).dump() == id; });
      if (result == results.end()) continue;
      parted.push_back(std::move(*result));
      results.erase(result);
    }
    std::ranges::move(results, std::back_inserter(parted));
    i = end - 1;
  }
  messages = std::move(parted);
}

TurnRules::TextBeside text_beside_calls(const RenderTurns& render, const TurnRules& rules,
                                        const CallForm& form) {
  using TextBeside = TurnRules::TextBeside;
  std::vector<ChatMessage> messages = rules.several_calls ? two_calls("probe_beside") : call_probe({});
  messages[1].content = "probe_beside";
  messages.push_back(message_of("assistant", "probe1text"));
  messages.push_back(message_of("user", "probe2text"));
  std::vector<std::string> parts = {"probe_value", "probe_result", "probe1text", "probe2text"};
  if (rules.several_calls) parts.insert(parts.begin() + 1, "probe_other");
  const auto writes_all = [&] {
    const std::optional<std::string> text = text_of(render, messages, form);
    return text && has_in_order(*text, parts) && text->find("probe_beside") != std::string::npos;
  };
  if (writes_all()) return TextBeside::kWritten;
  part_text_from_calls(messages, false);
  return writes_all() ? TextBeside::kApart : TextBeside::kLost;
}

// The rules of a template that takes calls in the form of `rules.calls`.
void add_call_rules(const RenderTurns& render, TurnRules& rules) {
  using TextBeside = TurnRules::TextBeside;
  CallForm& form = *rules.calls;
  rules.several_calls = takes_several_calls(render, form);
  rules.user_after_result = takes_user_after_result(render, form);
  rules.thought_beside_calls = takes_thought_beside_calls(render, form);
  if (form.arguments == CallForm::Arguments::kObject && !takes_odd_arguments(render, form))
    form.odd = CallForm::Odd::kObject;
  rules.text_beside_calls = text_beside_calls(render, rules, form);
  if (rules.text_beside_calls != TextBeside::kLost) return;
  CallForm in_front = form;
  in_front.text = CallForm::Text::kInFront;
  if (text_beside_calls(render, rules, in_front) != TextBeside::kWritten) return;
  form = in_front;
  rules.text_beside_calls = TextBeside::kWritten;
}

void join_users_to_results(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> joined;
  for (ChatMessage& message : messages) {
    if (!joined.empty() && is_tool(joined.back()) && is_user(message))
      append(joined.back().content, message.content);
    else
      joined.push_back(std::move(message));
  }
  messages = std::move(joined);
}

void join_speakers(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> joined;
  for (ChatMessage& message : messages) {
    if (!joined.empty() && joined.back().role == message.role && is_plain(joined.back()) && is_plain(message))
      append(joined.back().content, message.content);
    else
      joined.push_back(std::move(message));
  }
  messages = std::move(joined);
}

}  // namespace

TurnRules turn_rules_of(const RenderTurns& render, const std::string& source) {
  // Whether the template writes all texts, in their order.
  const auto takes = [&](const std::vector<const char*>& roles) {
    std::vector<ChatMessage> messages;
    std::vector<std::string> texts;
    for (const char* role : roles) {
      texts.push_back("probe" + std::to_string(texts.size()) + "text");
      messages.push_back(message_of(role, texts.back()));
    }
    const std::optional<std::string> text = text_of(render, messages, {});
    return text && has_in_order(*text, texts);
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
  rules.calls = call_form_of(render);
  if (rules.calls) add_call_rules(render, rules);
  rules.repeats_speakers = takes({"user", "user", "assistant", "assistant", "user"});
  rules.assistant_first = takes({"assistant", "user", "assistant", "user"});
  return rules;
}

std::vector<ChatMessage> fit_turns(std::span<const ChatMessage> given, const TurnRules& rules) {
  using System = TurnRules::System;
  std::vector<ChatMessage> messages(given.begin(), given.end());
  bool follows_call = false;
  for (ChatMessage& message : messages) {
    if (message.role == "developer" && !rules.developer) message.role = "system";
    if (!rules.calls && (!message.tool_calls.empty() || (is_tool(message) && follows_call))) {
      follows_call = true;
      write_calls_as_text(message, rules.format);
      continue;
    }
    follows_call = !message.tool_calls.empty() || (follows_call && is_tool(message));
    if (is_tool(message) && !rules.tool && !(rules.calls && follows_call)) message.role = "user";
  }
  if (!rules.system_alone && !messages.empty() && std::ranges::all_of(messages, is_system))
    messages.back().role = "user";
  if (rules.system == System::kFirst || rules.system == System::kNone) join_leading_systems(messages);
  if (rules.system != System::kAnywhere) {
    const auto leading =
        static_cast<size_t>(std::ranges::find_if_not(messages, is_system) - messages.begin());
    messages = without_late_systems(std::move(messages), rules.system == System::kNone ? 0 : leading);
  }
  const bool must_part = rules.calls && rules.text_beside_calls != TurnRules::TextBeside::kWritten &&
                         (rules.calls->content == CallForm::Content::kNone ||
                          rules.text_beside_calls == TurnRules::TextBeside::kApart);
  if (must_part) part_text_from_calls(messages, rules.thought_beside_calls);
  if (!rules.several_calls) part_calls(messages);
  if (!rules.user_after_result) join_users_to_results(messages);
  if (!rules.repeats_speakers) join_speakers(messages);
  const auto first = std::ranges::find_if_not(messages, is_system);
  if (!rules.assistant_first && first != messages.end() && first->role == "assistant")
    messages.insert(first, message_of("user", ""));
  return messages;
}

}  // namespace ferrum
