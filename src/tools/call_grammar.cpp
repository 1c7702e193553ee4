#include "tools/call_grammar.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tools/literal_reader.h"

namespace ferrum::tools {
namespace {

constexpr int kMaxDepth = 16;  // of Gemma's objects, which are spelled out
constexpr std::string_view kGemmaQuote = "<|\"|>";

std::string json_string(std::string_view text) {
  std::string json = "\"";
  append_json_text(json, text);
  return json + '"';
}

class Builder {
 public:
  Builder(const Format& format, CallGrammar& grammar) : format_(format), grammar_(grammar) {}

  int literal(std::string text) { return add({.kind = NodeKind::kLiteral, .text = std::move(text)}); }
  int sequence(std::vector<int> parts) {
    return add({.kind = NodeKind::kSequence, .children = std::move(parts)});
  }
  int choice(std::vector<int> parts) {
    return add({.kind = NodeKind::kChoice, .children = std::move(parts)});
  }
  int repeat(int part, int least, int most) {
    return add({.kind = NodeKind::kRepeat, .children = {part}, .least = least, .most = most});
  }
  int optional(int part) { return repeat(part, 0, 1); }
  int text_until(std::string_view end) { return add({.kind = NodeKind::kText, .text = std::string(end)}); }
  int json(std::shared_ptr<const OrderedJson> schema) {
    return add({.kind = NodeKind::kJson, .schema = std::move(schema)});
  }

  // One call of one function, without what stands around calls.
  int call(const Tool& tool);
  // A block of calls, from its first mark to its last.
  int block(const std::vector<const Tool*>& tools, int most);

 private:
  int add(Node node) {
    grammar_.nodes.push_back(std::move(node));
    return static_cast<int>(grammar_.nodes.size()) - 1;
  }
  std::shared_ptr<const OrderedJson> parameters(const Tool& tool) const;
  // A parameter's schema with the definitions of the whole, so that its references hold.
  std::shared_ptr<const OrderedJson> part(const Tool& tool, const OrderedJson& schema) const;
  int elements(const Tool& tool);
  int element_value(const Tool& tool, const OrderedJson& schema);
  int gemma_object(const Tool& tool, const OrderedJson& schema, int depth);
  int gemma_value(const Tool& tool, const OrderedJson& schema, int depth);
  int python(const Tool& tool);
  int members(const std::vector<std::pair<int, bool>>& parts, std::string_view comma);

  const Format& format_;
  CallGrammar& grammar_;
};

bool is_required(const OrderedJson& schema, const std::string& name) {
  const auto found = schema.find("required");
  return found != schema.end() && found->is_array() &&
         std::find(found->begin(), found->end(), name) != found->end();
}

const OrderedJson* properties_of(const OrderedJson& schema) {
  if (!schema.is_object()) return nullptr;
  const auto found = schema.find("properties");
  return found != schema.end() && found->is_object() ? &*found : nullptr;
}

// Texts of an enumeration of strings; empty where it is none.
std::vector<std::string> texts_of_enum(const OrderedJson& schema) {
  std::vector<std::string> texts;
  const auto found = schema.is_object() ? schema.find("enum") : schema.end();
  if (found == schema.end() || !found->is_array()) return texts;
  for (const OrderedJson& value : *found) {
    if (!value.is_string()) return {};
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

std::shared_ptr<const OrderedJson> Builder::parameters(const Tool& tool) const {
  static const auto kObject = std::make_shared<const OrderedJson>(OrderedJson{{"type", "object"}});
  return tool.parameters ? tool.parameters : kObject;
}

std::shared_ptr<const OrderedJson> Builder::part(const Tool& tool, const OrderedJson& schema) const {
  OrderedJson copy = schema;
  if (copy.is_object() && tool.parameters)
    for (const char* name : {"$defs", "definitions", "$schema"})
      if (tool.parameters->contains(name) && !copy.contains(name)) copy[name] = (*tool.parameters)[name];
  return std::make_shared<const OrderedJson>(std::move(copy));
}

// Parts of which those that are not required may be left out, with commas between those that are there.
int Builder::members(const std::vector<std::pair<int, bool>>& parts, std::string_view comma) {
  const int separator = literal(std::string(comma));
  int after = sequence({});  // what may follow once a part was written
  int first = sequence({});  // what may follow as long as none was
  for (size_t i = parts.size(); i-- > 0;) {
    const auto [part, required] = parts[i];
    const int here = sequence({part, after});
    const int here_after = sequence({separator, part, after});
    first = required ? here : choice({here, first});
    after = required ? here_after : choice({here_after, after});
  }
  return first;
}

int Builder::element_value(const Tool& tool, const OrderedJson& schema) {
  std::vector<int> texts;
  for (const std::string& text : texts_of_enum(schema)) texts.push_back(literal(text));
  if (!texts.empty()) return choice(texts);
  const bool text = (types_of(schema, *tool.parameters) & kStringType) != 0;
  return text ? text_until((format_.lines_around_values ? "\n" : "") + format_.marks.value_close)
              : json(part(tool, schema));
}

int Builder::elements(const Tool& tool) {
  const CallMarks& marks = format_.marks;
  const std::string line = format_.lines_around_values ? "\n" : "";
  std::vector<int> parts = {literal(marks.open + tool.name + marks.name_end + "\n")};
  const OrderedJson* properties = tool.parameters ? properties_of(*tool.parameters) : nullptr;
  if (properties) {
    for (const auto& [name, schema] : properties->items()) {
      std::string open = marks.key_open + name + marks.key_end;
      if (marks.key_end.ends_with("string=\"")) {
        const bool text = (types_of(schema, *tool.parameters) & kStringType) != 0;
        open += text ? "true\">" : "false\">";
      }
      if (!marks.value_open.empty()) open += "\n" + marks.value_open;
      const int head = literal(open + line);
      const int value = element_value(tool, schema);
      const int whole = sequence({head, value, literal(line + marks.value_close + "\n")});
      parts.push_back(is_required(*tool.parameters, name) ? whole : optional(whole));
    }
  }
  parts.push_back(literal(marks.close));
  return sequence(parts);
}

int Builder::gemma_value(const Tool& tool, const OrderedJson& schema, int depth) {
  const unsigned types = types_of(schema, *tool.parameters);
  const int quote = literal(std::string(kGemmaQuote));
  std::vector<int> ways;
  std::vector<int> texts;
  for (const std::string& text : texts_of_enum(schema)) texts.push_back(literal(text));
  if (types & kStringType)
    ways.push_back(sequence({quote, texts.empty() ? text_until(kGemmaQuote) : choice(texts), quote}));
  if (depth < kMaxDepth && (types & kObjectType) && properties_of(schema))
    ways.push_back(gemma_object(tool, schema, depth + 1));
  const auto items = schema.is_object() ? schema.find("items") : schema.end();
  if (depth < kMaxDepth && (types & kArrayType) && schema.is_object() && items != schema.end() &&
      items->is_object()) {
    const int item = gemma_value(tool, *items, depth + 1);
    const int more = repeat(sequence({literal(","), item}), 0, Node::kNoLimit);
    ways.push_back(sequence({literal("["), optional(sequence({item, more})), literal("]")}));
  }
  const unsigned scalars = types & (kNullType | kBooleanType | kNumberType);
  if (ways.empty() || (scalars && types != kAnyType)) {
    OrderedJson plain = {{"type", OrderedJson::array()}};
    if (scalars & kNullType) plain["type"].push_back("null");
    if (scalars & kBooleanType) plain["type"].push_back("boolean");
    if (scalars & kNumberType) plain["type"].push_back("number");
    ways.push_back(
        json(ways.empty() ? part(tool, schema) : std::make_shared<const OrderedJson>(std::move(plain))));
  }
  return ways.size() == 1 ? ways[0] : choice(ways);
}

int Builder::gemma_object(const Tool& tool, const OrderedJson& schema, int depth) {
  std::vector<std::pair<int, bool>> parts;
  if (const OrderedJson* properties = properties_of(schema))
    for (const auto& [name, value] : properties->items()) {
      const int key = literal(name + ":");
      parts.emplace_back(sequence({key, gemma_value(tool, value, depth)}), is_required(schema, name));
    }
  const int inner = members(parts, ",");
  return sequence({literal("{"), inner, literal("}")});
}

int Builder::python(const Tool& tool) {
  std::vector<std::pair<int, bool>> parts;
  const OrderedJson* properties = tool.parameters ? properties_of(*tool.parameters) : nullptr;
  if (properties)
    for (const auto& [name, schema] : properties->items()) {
      const int key = literal(name + "=");
      parts.emplace_back(sequence({key, json(part(tool, schema))}), is_required(*tool.parameters, name));
    }
  const int inner = members(parts, ", ");
  return sequence({literal(tool.name + "("), inner, literal(")")});
}

int Builder::call(const Tool& tool) {
  const CallMarks& marks = format_.marks;
  switch (format_.syntax) {
    case Syntax::kObjects: {
      const int head = literal("{" + json_string(format_.name_key) + ": " + json_string(tool.name) + ", " +
                               json_string(format_.arguments_key) + ": ");
      return sequence({head, json(parameters(tool)), literal("}")});
    }
    case Syntax::kNamed: {
      if (format_.name_style == NameStyle::kDeepSeek)
        return sequence({literal(marks.open + "function" + marks.name_end + tool.name + "\n```json\n"),
                         json(parameters(tool)), literal("\n```" + marks.close)});
      std::vector<int> parts = {
          literal(marks.open + (format_.name_style == NameStyle::kKimi ? "functions." : "") + tool.name)};
      if (format_.name_style == NameStyle::kKimi) {
        std::vector<int> digits;
        for (char digit = '0'; digit <= '9'; ++digit) digits.push_back(literal(std::string(1, digit)));
        const int colon = literal(":");
        parts.push_back(sequence({colon, repeat(choice(digits), 1, 4)}));
      }
      parts.push_back(literal(marks.name_end));
      parts.push_back(json(parameters(tool)));
      if (!marks.close.empty()) parts.push_back(literal(marks.close));
      return sequence(parts);
    }
    case Syntax::kElements:
      return elements(tool);
    case Syntax::kGemma: {
      const int head = literal(marks.open + tool.name);
      const std::shared_ptr<const OrderedJson> schema = parameters(tool);
      const Tool whole = {.name = tool.name, .parameters = schema};
      return sequence({head, gemma_object(whole, *schema, 0)});
    }
    case Syntax::kPython:
      return python(tool);
    case Syntax::kChannels:
      return sequence(
          {literal("<|channel|>commentary to=functions." + tool.name + " <|constrain|>json<|message|>"),
           json(parameters(tool)), literal("<|call|>")});
    case Syntax::kRecipients: {
      const int head = literal(tool.name + marks.name_end);
      return sequence({head, json(parameters(tool))});
    }
    case Syntax::kNone:
      break;
  }
  return sequence({});
}

int Builder::block(const std::vector<const Tool*>& tools, int most) {
  std::vector<int> calls;
  for (const Tool* tool : tools) calls.push_back(call(*tool));
  int one = choice(calls);
  const Wrapper wrapper = format_.wrappers.empty() ? Wrapper{} : format_.wrappers[0];
  const bool objects = format_.syntax == Syntax::kObjects;
  const bool python = format_.syntax == Syntax::kPython;
  const bool lines =
      format_.syntax == Syntax::kElements || wrapper.open == "<tool_call>" || format_.family == "olmo3";
  const std::string line = lines && !format_.marks.value_open.empty() ? "" : lines ? "\n" : "";
  const bool one_a_block =
      !format_.in_list && (objects || format_.syntax == Syntax::kGemma || format_.family == "qwen3-coder" ||
                           format_.family == "seed-oss" || format_.family == "glm");
  const int more = most == Node::kNoLimit ? most : most - 1;
  if (format_.in_list && (objects || python)) {
    const int rest = repeat(sequence({literal(", "), one}), 0, more);
    return sequence({literal(wrapper.open + "["), one, rest, literal("]" + wrapper.close)});
  }
  if (one_a_block) {
    const int whole = sequence(
        {literal(wrapper.open + line), one, literal(wrapper.close.empty() ? "" : line + wrapper.close)});
    const int rest = repeat(sequence({literal(wrapper.open.empty() ? "; " : line), whole}), 0, more);
    return sequence({whole, rest});
  }
  const std::string between = format_.syntax == Syntax::kRecipients ? format_.marks.open : line;
  const int rest = repeat(sequence({literal(between), one}), 0, more);
  return sequence(
      {literal(wrapper.open + line), one, rest, literal(wrapper.close.empty() ? "" : line + wrapper.close)});
}

}  // namespace

CallGrammar call_grammar(const Format& format, const ToolList& tools, const CallGrammarOptions& options) {
  CallGrammar grammar;
  if (format.syntax == Syntax::kNone) return grammar;
  std::vector<const Tool*> callable;
  for (const Tool& tool : tools.all())
    if (options.only.empty() || tool.name == options.only) callable.push_back(&tool);
  if (callable.empty() && options.only.empty()) fail(ErrorCode::kBadArgument, "tools: there is none to call");
  if (callable.empty())
    fail(ErrorCode::kBadArgument, "tool_choice: no tool is named {}", in_quotes(options.only));

  Builder builder(format, grammar);
  const bool one = !options.parallel || !format.parallel || format.syntax == Syntax::kChannels;
  const int block = builder.block(callable, one ? 1 : Node::kNoLimit);
  const std::string& mark = format.wrappers.empty() ? format.marks.open : format.wrappers[0].open;
  if (format.syntax == Syntax::kRecipients) {
    grammar.triggers.push_back({mark, builder.sequence({builder.literal(mark), block})});
  } else if (format.syntax == Syntax::kChannels) {
    grammar.triggers.push_back({"<|channel|>commentary to=functions.", block});
  } else if (!mark.empty()) {
    grammar.triggers.push_back({mark, block});
  }

  std::vector<int> whole;
  const Reasoning& reasoning = format.reasoning;
  if (format.syntax == Syntax::kChannels) {
    const int thought =
        builder.sequence({builder.literal("<|channel|>analysis<|message|>"), builder.text_until("<|end|>"),
                          builder.literal("<|end|><|start|>assistant")});
    whole.push_back(builder.optional(thought));
  } else if (!reasoning.open.empty()) {
    const int rest = builder.sequence({builder.text_until(reasoning.close), builder.literal(reasoning.close),
                                       builder.optional(builder.literal("\n\n"))});
    const bool opened = options.phase == Phase::kReasoning;
    whole.push_back(opened ? rest
                           : builder.optional(builder.sequence({builder.literal(reasoning.open), rest})));
  } else if (format.syntax == Syntax::kRecipients && options.phase != Phase::kHeader) {
    whole.push_back(builder.literal(mark));
  }
  whole.push_back(block);
  grammar.required = builder.sequence(whole);
  return grammar;
}

}  // namespace ferrum::tools
