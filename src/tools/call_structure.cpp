#include "tools/call_structure.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tools/literal_reader.h"

namespace ferrum::tools {
namespace {

using Pattern = grammar::TextPattern;

bool is_tag(std::string_view mark) { return mark.starts_with('<') || mark.starts_with('['); }

Pattern joined(const Pattern& first, const Pattern& second) {
  Pattern out = first;
  out.insert(out.end(), second.begin(), second.end());
  return out;
}

// From an object's brace to behind the name.
std::vector<Pattern> object_begins(const Format& format, const Tool& tool) {
  if (format.name_key.empty()) return {{"{", json_string(tool.name), ":"}};
  const Pattern name = {json_string(format.name_key), ":", json_string(tool.name)};
  return {joined({"{"}, name), joined({"{", "\"type\"", ":", "\"function\"", ","}, name)};
}

// From a call's own mark to behind the name.
std::vector<Pattern> named_begins(const Format& format, const Tool& tool) {
  const CallMarks& marks = format.marks;
  switch (format.name_style) {
    case NameStyle::kKimi:
      return {{marks.open, "functions." + tool.name + ":"}, {marks.open, tool.name + ":"}};
    case NameStyle::kDeepSeek:
      return {{marks.open, "function", marks.name_end, tool.name + "\n"}};
    case NameStyle::kPlain:
      break;
  }
  std::vector<Pattern> out = {{marks.open, tool.name + marks.name_end}};
  if (!marks.id.empty()) out.push_back({marks.open, tool.name + marks.id});
  return out;
}

// Llama's code becomes {"code": text}.
bool takes_code(const Tool* tool) {
  if (tool->name != "code_interpreter" && tool->name != "python" && tool->name != "ipython") return false;
  const OrderedJson* code = parameter_schema(tool, "code");
  if (!code || *code != OrderedJson{{"type", "string"}}) return false;
  const auto required = tool->parameters->find("required");
  return required == tool->parameters->end() || *required == OrderedJson{"code"};
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string json = "\"";
  append_json_text(json, text);
  return json + '"';
}

std::string subject_of(const Tool& tool) { return fmt::format("function {}", in_quotes(tool.name)); }

std::string arguments_schema(const Tool& tool) {
  if (!tool.parameters) return R"({"type": "object", "maxProperties": 0})";
  OrderedJson schema = *tool.parameters;
  const auto type = schema.find("type");
  const bool may_be_object =
      type == schema.end() ||
      (type->is_array() && std::find(type->begin(), type->end(), "object") != type->end());
  if (may_be_object) schema["type"] = "object";
  return schema.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string CallStructure::spelled(const std::string& name) const {
  if (!format_.escapes_names) return name;
  std::string out;
  for (const char c : name) out += c == '"' ? "&quot;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

int CallStructure::arguments(const Tool& tool) {
  return builder_.spec({.kind = grammar::Spec::Kind::kJsonSchema,
                        .source = arguments_schema(tool),
                        .writing = grammar::Spec::Writing::kAnyOrder},
                       subject_of(tool));
}

std::vector<int> CallStructure::first_blocks() {
  std::vector<int> out = blocks_;
  if (format_.family == "mistral")  // the older list behind the newer mark
    out.push_back(
        builder_.sequence({builder_.mark(format_.marks.open), builder_.space(), listed(object_call(false))}));
  return out;
}

bool CallStructure::may_be_code() const {
  return !format_.code_open.empty() && std::ranges::any_of(tools_, takes_code);
}

void CallStructure::add_blocks() {
  std::vector<int>& out = marked_blocks_;
  for (const Wrapper& wrapper : format_.wrappers)
    if (!is_bare(wrapper)) out.push_back(block(wrapper));
  const bool marks_calls = format_.syntax == Syntax::kNamed || format_.syntax == Syntax::kElements;
  if (marks_calls && !format_.marks.open.empty()) out.push_back(calls_in({}));
  if (may_be_code()) out.push_back(builder_.sequence({builder_.mark(format_.code_open), code()}));
  blocks_ = marked_blocks_;
  for (const Wrapper& wrapper : format_.wrappers)
    if (is_bare(wrapper)) blocks_.push_back(calls_in(wrapper));
}

std::vector<Pattern> CallStructure::begins_in_content() const {
  std::vector<Pattern> out;
  for (const Wrapper& wrapper : format_.wrappers) {
    if (is_bare(wrapper)) {
      for (const Tool* tool : tools_) {
        const bool python = format_.syntax == Syntax::kPython;
        if (python) out.push_back({"[", tool->name + "("});
        for (const Pattern& begin : object_begins(format_, *tool))
          out.push_back(python ? joined({"["}, begin) : begin);
      }
    } else if (is_tag(wrapper.open)) {
      out.push_back({wrapper.open});
    } else if (format_.family != "generic") {  // a word, or a fence: a call only where one follows
      for (const Tool* tool : tools_)
        for (const Pattern& begin : object_begins(format_, *tool))
          for (const Pattern& open : {Pattern{wrapper.open, "["}, Pattern{wrapper.open}})
            out.push_back(joined(open, begin));
    }
  }
  const bool marks_calls = format_.syntax == Syntax::kNamed || format_.syntax == Syntax::kElements;
  if (marks_calls && !format_.marks.open.empty())
    for (const CallMarks& marks : spellings(format_.marks)) out.push_back({marks.open});
  if (may_be_code()) out.push_back({format_.code_open});
  return out;
}

std::vector<Pattern> CallStructure::begins_in_thought() const {
  std::vector<Pattern> out;
  for (const Tool* tool : tools_) {
    if (format_.syntax == Syntax::kNamed)
      for (const Pattern& begin : named_begins(format_, *tool)) out.push_back(begin);
    if (format_.syntax == Syntax::kElements && !format_.marks.open.empty())
      for (const CallMarks& marks : spellings(format_.marks))
        out.push_back({marks.open + spelled(tool->name) + marks.name_end});
    for (const Wrapper& wrapper : format_.wrappers) {
      if (is_bare(wrapper)) continue;
      if (format_.syntax == Syntax::kElements && format_.marks.open.empty())
        for (const std::string& next : {format_.marks.key_open, format_.marks.close})
          out.push_back({wrapper.open, tool->name, next});
      if (format_.syntax == Syntax::kGemma)
        out.push_back({wrapper.open, format_.marks.open + tool->name, "{"});
      if (format_.syntax == Syntax::kPython)
        for (const Pattern& open : {Pattern{wrapper.open, "["}, Pattern{wrapper.open}})
          out.push_back(joined(open, {tool->name + "("}));
      if (wrapper.open == "<|python_tag|>") out.push_back({wrapper.open, tool->name + ".call("});
      if (format_.syntax != Syntax::kObjects && format_.syntax != Syntax::kPython) continue;
      for (const Pattern& begin : object_begins(format_, *tool))
        for (const Pattern& open : {Pattern{wrapper.open, "["}, Pattern{wrapper.open}})
          out.push_back(joined(open, begin));
    }
  }
  return out;
}

int CallStructure::block(const Wrapper& wrapper) {
  std::vector<int> parts = {builder_.mark(wrapper.open), builder_.space(), calls_in(wrapper)};
  if (!wrapper.close.empty()) {
    parts.push_back(builder_.space());
    parts.push_back(builder_.mark(wrapper.close));
  }
  return builder_.sequence(std::move(parts));
}

// One call or more, as they stand in a wrapper.
int CallStructure::calls_in(const Wrapper& wrapper) {
  const int call = call_in(wrapper);
  if (format_.syntax == Syntax::kElements && format_.marks.open.empty())
    return call;  // its end is the block's
  const bool separated = is_bare(wrapper) && format_.syntax == Syntax::kObjects;
  const int between =
      separated
          ? builder_.choice({builder_.sequence({builder_.space(), builder_.literal(";"), builder_.space()}),
                             builder_.space()})
          : builder_.space();
  int calls = call;
  if (parallel_) calls = builder_.sequence({call, builder_.repeat(builder_.sequence({between, call}), 0)});
  if (format_.syntax == Syntax::kPython)
    return format_.in_list ? builder_.choice({listed(call), listed(object_call(is_bare(wrapper)))}) : calls;
  if (format_.syntax != Syntax::kObjects) return calls;
  if (format_.family == "llama3") {
    if (is_bare(wrapper)) return calls;
    std::vector<int> ways = {calls, python_call(".call(")};
    if (std::ranges::any_of(tools_, takes_code)) ways.push_back(code());
    return builder_.choice(std::move(ways));
  }
  return format_.in_list ? builder_.choice({listed(call), calls}) : builder_.choice({calls, listed(call)});
}

int CallStructure::call_in(const Wrapper& wrapper) {
  switch (format_.syntax) {
    case Syntax::kNamed:
      return named_call(wrapper);
    case Syntax::kElements:
      return element_call(wrapper);
    case Syntax::kGemma:
      return gemma_call();
    case Syntax::kPython:
      return python_call("(");
    default:
      return object_call(is_bare(wrapper));
  }
}

int CallStructure::listed(int call) {
  std::vector<int> parts = {builder_.literal("["), builder_.space(), call, builder_.space()};
  if (parallel_)
    parts.push_back(builder_.repeat(
        builder_.sequence({builder_.literal(","), builder_.space(), call, builder_.space()}), 0));
  parts.push_back(builder_.literal("]"));
  return builder_.sequence(std::move(parts));
}

int CallStructure::key(const std::string& name) {
  return builder_.sequence(
      {builder_.literal(json_string(name)), builder_.space(), builder_.literal(":"), builder_.space()});
}

int CallStructure::id_member() {
  const std::string name = !format_.id_key.empty()           ? format_.id_key
                           : format_.name_key == "tool_name" ? "tool_call_id"
                                                             : "id";
  return builder_.sequence({key(name), builder_.spec({.kind = grammar::Spec::Kind::kJsonSchema,
                                                      .source = R"({"type": "string"})"})});
}

// Bare calls begin with their name, or with a type.
int CallStructure::object_call(bool bare) {
  const int comma = builder_.sequence({builder_.space(), builder_.literal(","), builder_.space()});
  const int type = builder_.sequence({key("type"), builder_.literal("\"function\"")});
  const int id = id_member();
  const int open = builder_.sequence({builder_.literal("{"), builder_.space()});
  const int close = builder_.sequence({builder_.space(), builder_.literal("}")});
  if (format_.name_key.empty()) {
    std::vector<int> calls;
    for (const Tool* tool : tools_) calls.push_back(builder_.sequence({key(tool->name), arguments(*tool)}));
    return builder_.sequence({open, builder_.choice(std::move(calls)), close});
  }
  const int first =
      builder_.repeat(builder_.sequence({bare ? type : builder_.choice({type, id}), comma}), 0, bare ? 1 : 2);
  const int last = builder_.optional(builder_.sequence({comma, id}));
  std::vector<std::string> arguments_keys = {format_.arguments_key};
  for (const char* other : {"arguments", "parameters"})
    if (format_.arguments_key != other) arguments_keys.push_back(other);
  const int members = object_members(format_.name_key, arguments_keys, bare);
  const int call = builder_.sequence({open, first, members, last, close});
  if (format_.family != "generic") return call;
  // As the OpenAI API writes calls.
  const int function =
      builder_.sequence({key("function"), open, object_members("name", {"arguments"}, bare), close});
  return builder_.choice({call, builder_.sequence({open, first, function, close})});
}

// Name and arguments, in either order; no arguments where there are none to give.
int CallStructure::object_members(const std::string& name_key, const std::vector<std::string>& arguments_keys,
                                  bool bare) {
  const int comma = builder_.sequence({builder_.space(), builder_.literal(","), builder_.space()});
  const int name = key(name_key);
  std::vector<int> keys;
  for (const std::string& each : arguments_keys) keys.push_back(key(each));
  std::vector<int> named, with_arguments;
  for (const Tool* tool : tools_) {
    const int value = arguments(*tool);
    const int rest = builder_.sequence({comma, builder_.choice(keys), value});
    named.push_back(builder_.sequence(
        {builder_.literal(json_string(tool->name)), tool->parameters ? rest : builder_.optional(rest)}));
    with_arguments.push_back(
        builder_.sequence({value, comma, name, builder_.literal(json_string(tool->name))}));
  }
  if (format_.family == "command-r")  // its way to say that no function is called
    for (const char* direct : {"\"directly_answer\"", "\"directly-answer\""})
      named.push_back(builder_.sequence(
          {builder_.literal(direct), comma, builder_.choice(keys), builder_.literal("{}")}));
  const int name_first = builder_.sequence({name, builder_.choice(named)});
  if (bare) return name_first;
  const int arguments_first = builder_.sequence({builder_.choice(keys), builder_.choice(with_arguments)});
  return builder_.choice({name_first, arguments_first});
}

int CallStructure::named_call(const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  std::vector<int> calls;
  for (const Tool* tool : tools_) {
    const int name = builder_.literal(tool->name);
    switch (format_.name_style) {
      case NameStyle::kKimi: {
        const int number = builder_.spec({.kind = grammar::Spec::Kind::kRegex, .source = "[0-9]{1,9}"});
        calls.push_back(builder_.sequence({builder_.literal("functions." + tool->name), builder_.literal(":"),
                                           number, builder_.mark(marks.name_end), named_arguments(*tool)}));
        calls.push_back(builder_.sequence({builder_.literal(tool->name), builder_.literal(":"), number,
                                           builder_.mark(marks.name_end), named_arguments(*tool)}));
        break;
      }
      case NameStyle::kDeepSeek:
        calls.push_back(builder_.sequence({name, builder_.literal("\n```json\n"), named_arguments(*tool),
                                           builder_.space(), builder_.literal("```")}));
        break;
      case NameStyle::kPlain: {
        std::vector<int> parts = {name};
        if (!marks.id.empty())
          parts.push_back(builder_.optional(builder_.sequence(
              {builder_.mark(marks.id),
               builder_.spec({.kind = grammar::Spec::Kind::kRegex, .source = "[0-9A-Za-z_-]{1,64}"})})));
        parts.push_back(builder_.mark(marks.name_end));
        parts.push_back(named_arguments(*tool));
        calls.push_back(builder_.sequence(std::move(parts)));
      }
    }
  }
  const int one = builder_.choice(std::move(calls));
  const bool may_lack_mark = format_.name_style == NameStyle::kDeepSeek && !wrapper.open.empty();
  const int mark = builder_.mark(marks.open);
  std::vector<int> parts = {may_lack_mark ? builder_.optional(mark) : mark};
  if (format_.name_style == NameStyle::kDeepSeek)
    parts.push_back(builder_.sequence({builder_.literal("function"), builder_.mark(marks.name_end)}));
  parts.push_back(one);
  if (!marks.close.empty()) {
    parts.push_back(builder_.space());
    parts.push_back(builder_.mark(marks.close));
  }
  return builder_.sequence(std::move(parts));
}

int CallStructure::named_arguments(const Tool& tool) {
  return builder_.sequence({builder_.space(), arguments(tool)});
}

}  // namespace ferrum::tools
