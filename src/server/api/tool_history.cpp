#include "server/api/tool_history.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "base/error.h"
#include "server/api/text_argument.h"

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

std::string required_name(Fields& f) {
  std::string name = f.text("name").value_or("");
  if (name.empty()) f.refuse_value("name", f.path_of("name") + " is missing", "missing_required_parameter");
  return name;
}

// The calls of a conversation, and which of them have a result.
class Calls {
 public:
  struct Call {
    size_t message;
    std::string id;
    std::string name;
    bool answered = false;
  };

  explicit Calls(std::vector<ChatMessage>& messages) {
    for (size_t i = 0; i < messages.size(); ++i)
      if (!messages[i].tool_calls.empty()) add(messages[i], i);
  }

  // The call that a result at `message` answers; null: there is none.
  Call* answered_by(const ChatMessage& result, size_t message) {
    Call* const call =
        result.tool_call_id.empty() ? next_open(result.name, message) : with_id(result.tool_call_id, message);
    if (call) call->answered = true;
    return call;
  }

 private:
  void add(ChatMessage& message, size_t index) {
    OrderedJson calls = OrderedJson::parse(message.tool_calls);
    bool changed = false;
    for (OrderedJson& call : calls) {
      if (!call.contains("id")) {
        call["id"] = fmt::format("call_{}", all_.size());
        changed = true;
      }
      all_.push_back({index, call["id"], call["function"]["name"]});
      by_id_[all_.back().id].push_back(all_.size() - 1);
      by_name_[all_.back().name].push_back(all_.size() - 1);
      in_order_.push_back(all_.size() - 1);
    }
    if (changed) message.tool_calls = ordered_text(calls);
  }

  // Clients reuse ids: the last one before the result counts, else the first one behind it.
  Call* with_id(const std::string& id, size_t message) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return nullptr;
    const std::vector<size_t>& calls = found->second;
    const auto behind = std::partition_point(calls.begin(), calls.end(),
                                             [&](size_t call) { return all_[call].message < message; });
    return &all_[behind == calls.begin() ? *behind : *(behind - 1)];
  }

  Call* next_open(const std::string& name, size_t message) {
    const auto named = by_name_.find(name);
    if (!name.empty() && named == by_name_.end()) return nullptr;
    std::deque<size_t>& calls = name.empty() ? in_order_ : named->second;
    while (!calls.empty() && all_[calls.front()].answered) calls.pop_front();
    if (calls.empty() || all_[calls.front()].message > message) return nullptr;
    return &all_[calls.front()];
  }

  std::vector<Call> all_;
  std::map<std::string, std::vector<size_t>> by_id_;  // in the conversation's order
  std::map<std::string, std::deque<size_t>> by_name_;
  std::deque<size_t> in_order_;
};

}  // namespace

void add_call(ChatMessage& message, const ToolCall& call) {
  const std::string id = call.id.empty() ? "" : fmt::format(R"("id":{},)", json_string(call.id));
  append_calls(message.tool_calls,
               fmt::format(R"([{{{}"type":"function","function":{{"name":{},"arguments":{}}}}}])", id,
                           json_string(call.name), json_string(call.arguments)));
}

std::string arguments_of(Fields& fields, const std::string& name) {
  const Json* arguments = fields.find(name);
  if (!arguments) return "";
  if (arguments->is_string()) return arguments->get<std::string>();
  if (!arguments->is_object())
    fields.refuse_value(name, fields.path_of(name) + " must be a string of JSON, or an object");
  return fields.source(*arguments);
}

void read_tool_calls(Fields& f, ChatMessage& message) {
  if (const Json* older = f.object("function_call")) {
    Fields call(f, *older, f.path_of("function_call"));
    add_call(message, {.id = "", .name = required_name(call), .arguments = arguments_of(call, "arguments")});
  }
  const Json* calls = f.find("tool_calls");
  if (!calls) return;
  if (!calls->is_array()) return f.refuse_value("tool_calls", f.path_of("tool_calls") + " must be an array");
  for (size_t i = 0; i < calls->size(); ++i) {
    Fields call(f, (*calls)[i], fmt::format("{}[{}]", f.path_of("tool_calls"), i));
    const std::string type = call.text("type").value_or("function");
    if (type != "function" && type != "custom") {
      call.refuse_value(
          "type", fmt::format("{} must be function or custom, not {}", call.path_of("type"), in_quotes(type)),
          "unsupported_parameter");
      continue;
    }
    Fields called(call, call.required(type), call.path_of(type));
    const std::string arguments = type == "custom" ? text_arguments(called.text("input").value_or(""))
                                                   : arguments_of(called, "arguments");
    add_call(message,
             {.id = call.text("id").value_or(""), .name = required_name(called), .arguments = arguments});
  }
}

void settle_calls(std::vector<ChatMessage>& messages) {
  Calls calls(messages);
  std::map<size_t, std::vector<size_t>> early;  // results, by the later message whose call they answer
  std::vector<bool> is_early(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    ChatMessage& result = messages[i];
    if (result.role != "tool") continue;
    const Calls::Call* const call = calls.answered_by(result, i);
    if (!call) continue;
    result.tool_call_id = call->id;
    if (result.name.empty()) result.name = call->name;
    if (call->message < i) continue;
    early[call->message].push_back(i);
    is_early[i] = true;
  }
  if (early.empty()) return;
  std::vector<ChatMessage> settled;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (is_early[i]) continue;
    settled.push_back(std::move(messages[i]));
    if (const auto found = early.find(i); found != early.end())
      for (const size_t result : found->second) settled.push_back(std::move(messages[result]));
  }
  messages = std::move(settled);
}

void join_turns(std::vector<ChatMessage>& messages) {
  std::vector<ChatMessage> joined;
  const auto is_thought = [](const ChatMessage& m) {
    return m.role == "assistant" && !m.reasoning.empty() && m.content.empty() && m.tool_calls.empty();
  };
  const auto is_calls = [](const ChatMessage& m) {
    return m.role == "assistant" && m.reasoning.empty() && m.content.empty() && !m.tool_calls.empty();
  };
  for (ChatMessage& message : messages) {
    const bool follows_assistant = !joined.empty() && joined.back().role == "assistant";
    if (follows_assistant && is_calls(message)) {
      append_calls(joined.back().tool_calls, message.tool_calls);
      continue;
    }
    if (!joined.empty() && is_thought(joined.back())) {
      const std::string thought = std::move(joined.back().reasoning);
      joined.pop_back();
      if (message.role == "assistant")
        message.reasoning = thought + (message.reasoning.empty() ? "" : "\n\n") + message.reasoning;
    }
    joined.push_back(std::move(message));
  }
  if (!joined.empty() && is_thought(joined.back())) joined.pop_back();
  messages = std::move(joined);
}

}  // namespace ferrum::server
