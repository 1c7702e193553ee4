// Calls whose members are not written as JSON: elements, Gemma's objects, Python's keyword arguments.
#include "tools/call_structure.h"

namespace ferrum::tools {
namespace {

using Node = grammar::StructureNode;
using Pattern = grammar::TextPattern;

}  // namespace

int CallStructure::element_call(const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  std::vector<int> calls;
  std::vector<int> name_end = {builder_.mark(marks.name_end)};
  if (!marks.number_end.empty()) {
    name_end.push_back(builder_.spec({.kind = grammar::Spec::Kind::kRegex, .source = "[1-9][0-9]{0,3}"}));
    name_end.push_back(builder_.mark(marks.number_end));
  }
  name_end.push_back(builder_.space());
  const int behind_name = builder_.sequence(std::move(name_end));
  for (const Tool* tool : tools_)
    calls.push_back(builder_.sequence(
        {builder_.literal(spelled(tool->name)), behind_name, element_members(*tool, wrapper)}));
  return builder_.sequence({builder_.mark(marks.open), builder_.choice(std::move(calls))});
}

int CallStructure::element_members(const Tool& tool, const Wrapper& wrapper) {
  const CallMarks& marks = format_.marks;
  Node node = {.subject = subject_of(tool)};
  node.spec =
      std::make_shared<const grammar::Spec>(grammar::Spec{.kind = grammar::Spec::Kind::kJsonSchema,
                                                          .source = arguments_schema(tool),
                                                          .writing = grammar::Spec::Writing::kAnyOrder});
  for (const std::string& name : parameter_names(&tool))
    node.types[name] = static_cast<uint8_t>(parameter_types(&tool, name));
  node.name_end = marks.key_end;
  // Where the parser takes a closing tag for one.
  node.ends = {{marks.value_close, marks.key_open}};
  if (wrapper.close.empty()) {
    node.ends.push_back({marks.value_close, marks.close});
  } else {
    node.ends.push_back({marks.value_close, wrapper.close});
    node.ends.push_back({marks.value_close, marks.close, wrapper.close});
    node.ends.push_back({marks.value_close, marks.close, marks.open});
  }
  const int line = builder_.literal(format_.lines_around_values ? "\n" : "");
  const bool says_types = format_.type_style != TypeStyle::kNone;
  const bool names_types = format_.type_style == TypeStyle::kName;
  const auto between = [&](const std::string& type) {
    std::vector<int> parts = {builder_.mark(marks.key_end + type + marks.type_end)};
    if (!marks.value_open.empty()) {
      parts.push_back(builder_.space());
      parts.push_back(builder_.mark(marks.value_open));
    }
    parts.push_back(line);
    return builder_.sequence(std::move(parts));
  };
  const int after = builder_.sequence({line, builder_.mark(marks.value_close), builder_.space()});
  node.children = {builder_.mark(marks.key_open),
                   between(names_types  ? "string"
                           : says_types ? "true"
                                        : ""),
                   after, builder_.nothing(), builder_.mark(marks.close)};
  if (says_types) {
    std::vector<int> types;
    for (const char* type : {"number", "boolean", "object", "array", "null"})
      if (names_types) types.push_back(between(type));
    node.children.push_back(names_types ? builder_.choice(std::move(types)) : between("false"));
    node.children.push_back(after);
  }
  return builder_.members(std::move(node));
}

int CallStructure::gemma_call() {
  std::vector<int> calls;
  for (const Tool* tool : tools_) {
    Node node = {.subject = subject_of(*tool)};
    node.spec =
        std::make_shared<const grammar::Spec>(grammar::Spec{.kind = grammar::Spec::Kind::kJsonSchema,
                                                            .source = arguments_schema(*tool),
                                                            .writing = grammar::Spec::Writing::kAnyOrder});
    for (const std::string& name : parameter_names(tool))
      node.types[name] = static_cast<uint8_t>(parameter_types(tool, name));
    node.names = R"([^,:{}()\[\]\s"<](?:[^,:{}\[\]\n"<]*[^,:{}\[\]\s"<])?)";
    for (const char* next : {",", "]", "}", ")"}) node.ends.push_back({format_.quote, next});
    const int quote = builder_.mark(format_.quote);
    const int gap = builder_.space();
    node.children = {builder_.nothing(),
                     builder_.sequence({builder_.literal(":"), gap, quote}),
                     builder_.sequence({quote, gap}),
                     builder_.sequence({builder_.literal(","), gap}),
                     builder_.literal("}"),
                     builder_.sequence({builder_.literal(":"), gap}),
                     gap};
    calls.push_back(builder_.sequence(
        {builder_.literal(tool->name), builder_.literal("{"), gap, builder_.members(std::move(node))}));
  }
  return builder_.sequence({builder_.mark(format_.marks.open), builder_.choice(std::move(calls))});
}

int CallStructure::python_call(const std::string& name_end) {
  std::vector<int> calls;
  for (const Tool* tool : tools_) {
    Node node = {.subject = subject_of(*tool), .other_types = kAnyType & ~kStringType};
    node.spec =
        std::make_shared<const grammar::Spec>(grammar::Spec{.kind = grammar::Spec::Kind::kJsonSchema,
                                                            .source = arguments_schema(*tool),
                                                            .writing = grammar::Spec::Writing::kAnyOrder});
    node.names = "[0-9A-Za-z_\\u0080-\\u{10FFFF}]+";
    const int gap = builder_.space();
    node.children = {builder_.nothing(), builder_.sequence({gap, builder_.literal("="), gap}), gap,
                     builder_.sequence({builder_.literal(","), gap}), builder_.literal(")")};
    calls.push_back(
        builder_.sequence({builder_.literal(tool->name + name_end), gap, builder_.members(std::move(node))}));
  }
  return builder_.choice(std::move(calls));
}

}  // namespace ferrum::tools
