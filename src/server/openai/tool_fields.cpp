#include "server/openai/tool_fields.h"

#include "base/error.h"

namespace ferrum::server::openai {
namespace {

using Choice = ToolUse::Choice;

// Where an API writes what belongs to a tool: chats in an object named after the tool's type, responses
// beside the type.
enum class Nesting { kNested, kFlat };

// A schema, and the field where it stands.
struct Schema {
  std::string text{};  // empty: none is given
  std::string field{};
};

Schema parameters_schema(Fields& f) { return {arguments_schema(f, "parameters"), f.path_of("parameters")}; }

// The schema of the text that a custom tool takes: of any form, or held to a grammar.
Schema format_schema(Fields& tool, Nesting nesting) {
  const Json* given = tool.object("format");
  if (!given) return {};
  Fields format(tool, *given, tool.path_of("format"));
  const std::string type = format.text("type").value_or("text");
  if (type == "text") return {};
  if (type != "grammar") {
    format.refuse_value(
        "type", fmt::format("{} must be text or grammar, not {}", format.path_of("type"), in_quotes(type)));
    return {};
  }
  const auto read = [](Fields& f) -> Schema {
    const std::string syntax = f.text("syntax").value_or("");
    const std::string definition = f.text("definition").value_or("");
    const std::string field = f.path_of("definition");
    if (syntax == "regex")
      return {to_text({{"type", "string"}, {"pattern", "^(?:" + definition + ")$"}}), field};
    if (syntax != "lark") {
      f.refuse_value("syntax",
                     fmt::format("{} must be lark or regex, not {}", f.path_of("syntax"), in_quotes(syntax)));
      return {};
    }
    return {to_text({{"type", "string"}, {"x-lark", definition}}), field};
  };
  if (nesting == Nesting::kFlat) return read(format);
  const Json& grammar = format.required("grammar");
  Fields inner(format, grammar, format.path_of("grammar"));
  return read(inner);
}

void add_tool(Fields& f, const std::string& name_space, OfferedTool::Takes takes, Nesting nesting,
              OfferedTools& tools) {
  const OfferedTool tool = {.name = f.text("name").value_or(""), .name_space = name_space, .takes = takes};
  const bool takes_text = takes == OfferedTool::Takes::kText;
  const std::string description = f.text("description").value_or("");
  const Schema schema = takes_text ? format_schema(f, nesting) : parameters_schema(f);
  f.flag("strict");  // arguments always keep to their schema
  f.hint_others();
  tools.add(f, tool, {.description = description, .schema = schema.text, .field = schema.field});
}

// The tools of an array, at `path`.
void read_tools(const Fields& parent, const Json& array, const std::string& path, Nesting nesting,
                const std::string& name_space, OfferedTools& tools) {
  if (!array.is_array()) server::refuse(path, "{} must be an array", path);
  for (size_t i = 0; i < array.size(); ++i) {
    Fields tool(parent, array[i], fmt::format("{}[{}]", path, i));
    const std::string type = tool.text("type").value_or("function");
    const bool is_custom = type == "custom";
    if (type == "namespace" && nesting == Nesting::kFlat && name_space.empty()) {
      const std::string name = tool.text("name").value_or("");
      tool.hint("description");  // its functions have their own
      if (name.empty()) tool.refuse_value("name", tool.path_of("name") + " is missing");
      read_tools(tool, tool.required("tools"), tool.path_of("tools"), nesting, name, tools);
    } else if (type != "function" && !is_custom) {
      tool.hint("type");
    } else {
      const auto takes = is_custom ? OfferedTool::Takes::kText : OfferedTool::Takes::kArguments;
      // Some clients of chats write the name beside the type as well.
      if (nesting == Nesting::kFlat || (!tool.find(type) && tool.find("name"))) {
        add_tool(tool, name_space, takes, Nesting::kFlat, tools);
      } else {
        Fields inner(tool, tool.required(type), tool.path_of(type));
        add_tool(inner, name_space, takes, nesting, tools);
      }
    }
  }
}

// A tool that a choice names; nothing for one that a server would have to run.
std::optional<OfferedTool> named_tool(Fields& f, Nesting nesting) {
  const std::string type = f.text("type").value_or("function");
  if (type != "function" && type != "custom") return std::nullopt;
  const auto read = [&](Fields& inner) {
    OfferedTool tool = {.name = inner.text("name").value_or(""),
                        .name_space = inner.text("namespace").value_or("")};
    if (tool.name.empty())
      inner.refuse_value("name", inner.path_of("name") + " is missing", "missing_required_parameter");
    return tool;
  };
  if (nesting == Nesting::kFlat) return read(f);
  Fields inner(f, f.required(type), f.path_of(type));
  return read(inner);
}

std::optional<Choice> choice_of_word(const Json& word) {
  if (word == "none") return Choice::kNone;
  if (word == "auto") return Choice::kAuto;
  if (word == "required") return Choice::kRequired;
  return std::nullopt;
}

void read_allowed(Fields& f, Nesting nesting, ToolChoice& choice) {
  const std::optional<Choice> mode = choice_of_word(f.text("mode").value_or("auto"));
  if (!mode || *mode == Choice::kNone)
    f.refuse_value("mode", f.path_of("mode") + " must be auto or required");
  choice.choice = mode.value_or(Choice::kAuto);
  choice.allowed.emplace();
  const Json& tools = f.required("tools");
  if (!tools.is_array()) server::refuse(f.path_of("tools"), "{} must be an array", f.path_of("tools"));
  for (size_t i = 0; i < tools.size(); ++i) {
    Fields tool(f, tools[i], fmt::format("{}[{}]", f.path_of("tools"), i));
    if (const std::optional<OfferedTool> named = named_tool(tool, nesting)) choice.allowed->push_back(*named);
  }
}

// Reads the field `name`: a word, or an object that names a tool.
ToolChoice read_choice(Fields& body, const std::string& name, Nesting nesting) {
  ToolChoice choice;
  const Json* given = body.find(name);
  if (!given) return choice;
  if (given->is_string()) {
    const std::optional<Choice> word = choice_of_word(*given);
    if (!word)
      body.refuse_value(name, fmt::format("{} must be none, auto, required or an object, not {}", name,
                                          in_quotes(given->get<std::string>())));
    choice.choice = word.value_or(Choice::kAuto);
    return choice;
  }
  Fields f(body, *given, name);
  if (f.text("type") == "allowed_tools") {
    if (nesting == Nesting::kFlat) {
      read_allowed(f, nesting, choice);
    } else {
      Fields inner(f, f.required("allowed_tools"), f.path_of("allowed_tools"));
      read_allowed(inner, nesting, choice);
    }
    return choice;
  }
  choice.only = named_tool(f, nesting);
  choice.choice = Choice::kRequired;
  if (!choice.only)
    f.refuse_value("type", f.path_of("type") + ": only tools of the types function and custom can be called",
                   "unsupported_parameter");
  return choice;
}

RequestedTools read(Fields& body, Nesting nesting) {
  RequestedTools result;
  if (const Json* tools = body.find("tools")) read_tools(body, *tools, "tools", nesting, "", result.tools);
  ToolChoice choice = read_choice(body, "tool_choice", nesting);
  choice.parallel = body.flag("parallel_tool_calls").value_or(true);
  result.use = result.tools.use(body, "tool_choice", choice);
  return result;
}

// `functions` and `function_call`, of which an answer has one.
RequestedTools read_functions(Fields& body, const Json& functions) {
  RequestedTools result;
  result.as_function_call = true;
  if (body.find("tools")) body.refuse_value("functions", "functions: the request has tools as well");
  if (!functions.is_array()) server::refuse("functions", "functions must be an array");
  for (size_t i = 0; i < functions.size(); ++i) {
    Fields function(body, functions[i], fmt::format("functions[{}]", i));
    add_tool(function, "", OfferedTool::Takes::kArguments, Nesting::kFlat, result.tools);
  }
  ToolChoice choice = read_choice(body, "function_call", Nesting::kFlat);
  choice.parallel = false;
  result.use = result.tools.use(body, "function_call", choice);
  return result;
}

}  // namespace

RequestedTools read_chat_tools(Fields& body) {
  const Json* functions = body.find("functions");
  if (functions && *functions != Json::array()) return read_functions(body, *functions);
  const Json* choice = body.find("function_call");
  if (choice && *choice != "none" && *choice != "auto")
    body.refuse_value("function_call", "function_call: there are no functions");
  return read(body, Nesting::kNested);
}

RequestedTools read_response_tools(Fields& body) { return read(body, Nesting::kFlat); }

}  // namespace ferrum::server::openai
