#include "tools/written_call.h"

#include <nlohmann/json.hpp>

namespace ferrum::tools {
namespace {

std::string text_of(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// As models are taught to write JSON: a space behind colons.
std::string call_object(const Format& format, std::string_view name, const OrderedJson& arguments) {
  const std::string called = text_of(OrderedJson(name));
  if (format.name_key.empty()) return "{" + called + ": " + text_of(arguments) + "}";
  return "{\"" + format.name_key + "\": " + called + ", \"" + format.arguments_key +
         "\": " + text_of(arguments) + "}";
}

std::string in_tags(std::string_view name, const OrderedJson& arguments) {
  return "<tool_call>\n" + call_object({}, name, arguments) + "\n</tool_call>";
}

std::string named_call(const Format& format, std::string_view name, const OrderedJson& arguments) {
  const CallMarks& marks = format.marks;
  const std::string called(name);
  const std::string json = text_of(arguments);
  switch (format.name_style) {
    case NameStyle::kKimi:
      return marks.open + "functions." + called + ":0" + marks.name_end + json + marks.close;
    case NameStyle::kDeepSeek:
      return marks.open + "function" + marks.name_end + called + "\n```json\n" + json + "\n```" + marks.close;
    case NameStyle::kPlain:
      break;
  }
  return marks.open + called + marks.name_end + json + marks.close;
}

}  // namespace

std::string written_call(const Format& format, std::string_view name, const OrderedJson& arguments) {
  const Wrapper around = format.wrappers.empty() ? Wrapper{} : format.wrappers.front();
  switch (format.syntax) {
    case Syntax::kNamed:
      return around.open + named_call(format, name, arguments) + around.close;
    case Syntax::kObjects: {
      if (around.open == "<tool_call>") return in_tags(name, arguments);
      const std::string call = call_object(format, name, arguments);
      return around.open + (format.in_list ? "[" + call + "]" : call) + around.close;
    }
    default:
      return in_tags(name, arguments);
  }
}

std::string instructions(const ToolList& tools, const Format& format) {
  std::string text =
      "You may call functions to help with the request. These are the functions, one a line:\n";
  for (const Tool& tool : tools.all()) {
    OrderedJson function = {{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    if (tool.parameters) function["parameters"] = *tool.parameters;
    text += text_of(function) + '\n';
  }
  return text + "To call one, write its name and arguments in this form, and nothing else:\n" +
         written_call(format, "the function's name", {{"a parameter's name", "its value"}});
}

}  // namespace ferrum::tools
