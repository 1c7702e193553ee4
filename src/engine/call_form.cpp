#include "engine/call_form.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/error.h"
#include "tools/literal_reader.h"
#include "tools/written_call.h"

namespace ferrum {
namespace {

constexpr size_t kIdLength = 9;

// FNV-1a in base 36.
std::string nine_characters_of(const std::string& id) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  const auto is_plain = [&](char c) { return kDigits.find(to_lower(c)) != std::string_view::npos; };
  if (id.size() == kIdLength && std::ranges::all_of(id, is_plain)) return id;
  uint64_t hash = 14695981039346656037u;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string short_id;
  for (size_t i = 0; i < kIdLength; ++i, hash /= kDigits.size()) short_id += kDigits[hash % kDigits.size()];
  return short_id;
}

std::string id_of(const std::string& id, const CallForm& form) {
  return form.ids == CallForm::Ids::kNine ? nine_characters_of(id) : id;
}

std::optional<OrderedJson> object_of(const std::string& text) {
  try {
    OrderedJson object = parse_ordered_json(text, "arguments");
    if (object.is_object()) return object;
  } catch (const Error&) {  // a model wrote them
  }
  return std::nullopt;
}

// "" stands for no arguments.
OrderedJson arguments_of(const std::string& text, CallForm::Odd odd) {
  if (trimmed(text).empty()) return OrderedJson::object();
  if (auto object = object_of(text)) return *object;
  std::string json;
  if (tools::read_literal(tools::Dialect::kPython, trimmed(text), json))
    if (auto object = object_of(json)) return *object;
  if (odd == CallForm::Odd::kObject) return {{"arguments", text}};
  return text;
}

OrderedJson calls_of(const std::string& text, const CallForm& form) {
  OrderedJson calls;
  try {
    calls = parse_ordered_json(text, "tool calls");
  } catch (const Error& e) {
    throw Error(ErrorCode::kBadArgument, e.what());
  }
  const auto is_call = [](const OrderedJson& call) { return call.is_object(); };
  if (!calls.is_array() || !std::ranges::all_of(calls, is_call))
    fail(ErrorCode::kBadArgument, "tool calls: expected an array of objects");
  for (OrderedJson& call : calls) {
    if (call.contains("id") && call["id"].is_string()) call["id"] = id_of(call["id"], form);
    if (form.arguments == CallForm::Arguments::kText || !call.contains("function")) continue;
    OrderedJson& function = call["function"];
    if (function.is_object() && function.contains("arguments") && function["arguments"].is_string())
      function["arguments"] = arguments_of(function["arguments"], form.odd);
  }
  return calls;
}

}  // namespace

void write_calls_as_text(ChatMessage& message, const tools::Format& format) {
  if (message.role == "tool") {
    message.role = "user";
    message.tool_call_id.clear();
    message.content = "<tool_response>\n" + message.content + "\n</tool_response>";
  }
  if (message.tool_calls.empty()) return;
  for (const OrderedJson& call : calls_of(message.tool_calls, {})) {
    if (!call.contains("function") || !call["function"].is_object()) continue;
    const OrderedJson& function = call["function"];
    const auto name = function.find("name");
    if (name == function.end() || !name->is_string()) continue;
    if (!message.content.empty()) message.content += '\n';
    message.content += tools::written_call(format, name->get_ref<const std::string&>(),
                                           function.value("arguments", OrderedJson::object()));
  }
  message.tool_calls.clear();
}

OrderedJson template_message(const ChatMessage& message, const CallForm& form) {
  OrderedJson json = {{"role", message.role}, {"content", message.content}};
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.tool_calls.empty()) {
    if (message.content.empty() && form.content == CallForm::Content::kNone) json["content"] = nullptr;
    json["tool_calls"] = calls_of(message.tool_calls, form);
  }
  // Templates have several names for them.
  if (!message.reasoning.empty())
    for (const char* name : {"reasoning_content", "reasoning", "thinking"}) json[name] = message.reasoning;
  if (!message.reasoning.empty() && !message.tool_calls.empty()) json["tool_plan"] = message.reasoning;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = id_of(message.tool_call_id, form);
  return json;
}

}  // namespace ferrum
