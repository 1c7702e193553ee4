// Calls as JSON objects: {"name": …, "arguments": …}, with the keys of any family.
#include <array>
#include <nlohmann/json.hpp>

#include "tools/answer_parser.h"

namespace ferrum::tools {
namespace {

// The text of a JSON string; of other values, and of strings that are not valid Unicode, their JSON.
std::string text_of(const std::string& json) {
  const Json value = Json::parse(json, nullptr, false);
  return value.is_string() ? value.get<std::string>() : json;
}

bool is_code_tool(std::string_view name) {
  return is_one_of(name, {"code_interpreter", "python", "ipython"});
}

}  // namespace

Parse<bool> AnswerParser::object_call() {
  int byte = co_await input.peek();
  if (byte != '{') co_return false;
  take(1);
  Object object;
  bool sound = true;
  for (bool first = true; sound; first = false) {
    size_t gap = co_await spaces(0);
    take(gap);
    byte = co_await input.peek();
    if (byte == '}') break;
    if (!first) {
      sound = byte == ',';
      if (!sound) break;
      take(1);
      gap = co_await spaces(0);
      take(gap);
    }
    sound = co_await member(object);
    if (sound && object.called) raw_.clear();
  }
  if (sound) take(1);  // the closing brace
  if (!object.called) {
    const bool is_call = object.has_name && (object.has_arguments || object.rest.empty());
    if (!sound || !is_call) co_return false;
    call_object(object);
  }
  if (sound) raw_.clear();
  raw_.insert(0, object.rest);
  co_return true;
}

void AnswerParser::call_object(Object& object) {
  begin(object.name, object.id);
  arguments(object.has_arguments ? object.arguments : "{}");
  end_object(object, true);
}

void AnswerParser::end_object(Object& object, bool complete) {
  end(complete);
  object.called = true;
  object.rest += std::exchange(raw_, {});
}

// One key and its value. False: they are not sound, or not those of a call.
Parse<bool> AnswerParser::member(Object& object) {
  const size_t begin_of_text = raw_.size();
  std::string key;
  int byte = co_await input.peek();
  if (byte != '"') co_return false;
  Read read = co_await literal(Dialect::kJson, &key);
  if (read != Read::kComplete) co_return false;
  key = text_of(key);
  size_t gap = co_await spaces(0);
  take(gap);
  byte = co_await input.peek();
  if (byte != ':') co_return false;
  take(1);
  gap = co_await spaces(0);
  take(gap);
  byte = co_await input.peek();

  if (format_.name_key.empty()) {  // the name is the key
    if (object.has_name || !accepts(key)) co_return false;
    object.name = key;
    object.has_name = true;
    const bool sound = co_await member_arguments(object);
    co_return sound;
  }
  const bool is_arguments =
      is_one_of(key, {"arguments", "parameters", "args", "input"}) && !object.has_arguments && !object.called;
  if (is_arguments) {
    if (bare_ && !object.has_name) co_return false;
    const bool sound = co_await member_arguments(object);
    co_return sound;
  }
  const bool is_first = !object.has_name && !object.has_arguments && !object.called;
  if (key == "function" && byte == '{' && is_first) {  // as the OpenAI API writes calls
    const bool found = co_await object_call();
    object.called = found;
    if (found) object.rest += std::exchange(raw_, {});
    co_return found;
  }
  std::string value;
  read = co_await literal(Dialect::kJson, &value);
  if (read != Read::kComplete) co_return false;
  const bool is_id = is_one_of(key, {"id", "tool_call_id", "call_id"}) &&
                     (value[0] == '"' || value.find_first_not_of("0123456789") == std::string::npos);
  if (is_one_of(key, {"name", "tool_name", "function"}) && value[0] == '"' && !object.has_name &&
      !object.called) {
    object.name = text_of(value);
    object.has_name = true;
    if (!accepts(object.name)) co_return false;
    if (object.has_arguments && format_.id_key.empty()) call_object(object);
  } else if (is_id) {
    if (object.id.empty())
      object.id = text_of(value);  // behind arguments that were streamed it comes too late
  } else if (!(key == "type" && value == "\"function\"")) {
    if (bare_ && !object.has_name) co_return false;
    if (!object.rest.empty()) object.rest += ", ";
    object.rest += raw_.substr(begin_of_text);
  }
  co_return true;
}

// An object, or one as text; none where there is nothing to say. They are streamed once the name is known,
// unless an id may follow them.
Parse<bool> AnswerParser::member_arguments(Object& object) {
  const int byte = co_await input.peek();
  object.has_arguments = true;
  const bool streamed = byte == '{' && object.has_name && format_.id_key.empty();
  if (streamed) {
    begin(object.name, object.id);
    const Read read = co_await literal(Dialect::kJson, nullptr);
    end_object(object, read == Read::kComplete);
    co_return read == Read::kComplete;
  }
  const Read read = co_await literal(Dialect::kJson, &object.arguments);
  if (read != Read::kComplete) co_return false;
  if (byte == '"') {  // JSON in a string
    const std::string inner = text_of(object.arguments);
    std::string json;
    if (inner.empty() || read_literal(Dialect::kJson, inner, json)) object.arguments = json;
  }
  if (object.arguments.empty() || object.arguments == "null") object.arguments = "{}";
  if (object.arguments[0] != '{') co_return false;
  if (object.has_name && format_.id_key.empty()) call_object(object);
  co_return true;
}

// Llama 3's built-in tools: name.call(key="value"), or code.
Parse<bool> AnswerParser::python_tag_call() {
  constexpr std::string_view kCall = ".call(";
  std::string name;
  const size_t before = raw_.size();
  const bool named = co_await name_until({kCall}, name);
  if (named && accepts(name)) {
    take(kCall.size());
    begin(name, "");
    co_await python_arguments();
    co_return true;
  }
  const bool is_code = co_await code_call(raw_.substr(before));
  co_return is_code;
}

// Code for the interpreter, if one is offered; of which `begun` was read.
Parse<bool> AnswerParser::code_call(std::string begun) {
  for (const Tool& tool : tools_->all()) {
    if (!is_code_tool(tool.name) || sink.thinking()) continue;
    begin(tool.name, "");
    std::string json = "{\"code\": \"";
    append_json_text(json, begun);
    arguments(json);
    for (;;) {
      const int byte = co_await input.peek();
      if (byte == Input::kEnd) break;
      bool over = false;
      if (byte == '<') over = co_await sees("<|eo", 0);
      if (over) break;
      const char letter = static_cast<char>(byte);
      json.clear();
      append_json_text(json, {&letter, 1});
      arguments(json);
      take(1);
    }
    arguments("\"}");
    end(true);
    co_return true;
  }
  co_return false;
}

}  // namespace ferrum::tools
