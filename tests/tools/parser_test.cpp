// What holds for all formats: streaming, ids, hostile tools, linear time.
#include "tools/parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "tools/answers.h"
#include "tools/written_call.h"

namespace ferrum::tools::testing {
namespace {

std::shared_ptr<const ToolList> list_of(const OrderedJson& tools) {
  return std::make_shared<const ToolList>(tools);
}

ParsedAnswer parse(const std::string& family, const std::shared_ptr<const ToolList>& tools,
                   std::string_view text, const ParserOptions& options = {}) {
  Parser parser(format_named(family), tools, options);
  ParsedAnswer answer;
  answer.add(parser.feed(text));
  answer.add(parser.finish());
  return answer;
}

TEST(ToolParser, StreamsArgumentsAsTheyCome) {
  Parser parser(format_named("hermes"), list_of(tools_json()), {});
  EXPECT_TRUE(parser.feed("<tool_call>{\"name\": \"write_file\", ").empty());
  const std::vector<Event> begun = parser.feed("\"arguments\": {\"text\": \"on");
  ASSERT_EQ(begun.size(), 2u);
  EXPECT_EQ(begun[0].kind, EventKind::kCallBegin);
  EXPECT_EQ(begun[0].name, "write_file");
  EXPECT_EQ(begun[1].text, "{\"text\": \"on");
  const std::vector<Event> more = parser.feed("e tw");
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].kind, EventKind::kArguments);
  EXPECT_EQ(more[0].text, "e tw");
}

TEST(ToolParser, StreamsTheStringsOfElements) {
  Parser parser(format_named("qwen3-coder"), list_of(tools_json()), {});
  parser.feed("<tool_call>\n<function=write_file>\n<parameter=text>\n");
  const std::vector<Event> events = parser.feed("first line\nsecond");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "first line\\nsecond");
}

TEST(ToolParser, HoldsBackOnlyWhatMayBecomeAMark) {
  Parser parser(format_named("hermes"), list_of(tools_json()), {});
  const std::vector<Event> events = parser.feed("Hello <tool");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "Hello");
  EXPECT_EQ(parser.feed("box")[0].text, " <toolbox");
}

TEST(ToolParser, TextThatIsCutIsShownAsFarAsItCame) {
  for (const std::string& family : family_names()) {
    SCOPED_TRACE(family);
    Parser parser(format_named(family), list_of(tools_json()), {});
    ParsedAnswer answer;
    answer.add(parser.feed("Of 3 [cities], {one} is a < b"));
    answer.add(parser.finish(Parser::End::kCut));
    EXPECT_EQ(answer.content, "Of 3 [cities], {one} is a < b");
    EXPECT_TRUE(answer.calls.empty());
  }
}

TEST(ToolParser, ARecipientIsNoneAsSoonAsNobodyBearsItsName) {
  Parser parser(format_named("functionary-v3.2"), list_of(tools_json()), {.phase = Phase::kHeader});
  EXPECT_EQ(parser.feed("all is").at(0).text, "all is");
}

TEST(ToolParser, MakesUniqueIdsOfTheFamilysShape) {
  const std::string one = "<tool_call>{\"name\": \"list_all\", \"id\": \"x\"}</tool_call>";
  const ParsedAnswer same = parse("hermes", list_of(tools_json()), one + one + one);
  ASSERT_EQ(same.calls.size(), 3u);
  EXPECT_EQ(same.calls[0].id, "x");
  std::set<std::string> ids;
  for (const ParsedCall& call : same.calls) ids.insert(call.id);
  EXPECT_EQ(ids.size(), 3u);
  const ParsedAnswer mistral = parse("mistral", list_of(tools_json()), "[TOOL_CALLS]list_all[ARGS]{}");
  ASSERT_EQ(mistral.calls.size(), 1u);
  EXPECT_EQ(mistral.calls[0].id.size(), 9u);
  EXPECT_TRUE(std::all_of(mistral.calls[0].id.begin(), mistral.calls[0].id.end(),
                          [](unsigned char c) { return std::isalnum(c); }));
  const ParsedAnswer other =
      parse("mistral", list_of(tools_json()), "[TOOL_CALLS]list_all[ARGS]{}", {.id_seed = 1});
  EXPECT_NE(other.calls[0].id, mistral.calls[0].id);
}

TEST(ToolParser, ReadsNoMoreCallsThanAreAllowed) {
  const std::string one = "<tool_call>{\"name\": \"list_all\", \"arguments\": {}}</tool_call>";
  const ParsedAnswer answer = parse("hermes", list_of(tools_json()), one + "\n" + one, {.max_calls = 1});
  EXPECT_EQ(answer.calls.size(), 1u);
  EXPECT_EQ(answer.content, one);
}

TEST(ToolParser, N8_NamesOfAnyTextAreRead) {
  const std::string strange[] = {"a>b",     "x</function>y",       "say \"hi\"", "{{ jinja }}",
                                 "a\"b\\c", std::string(900, 'n'), "日本"};
  for (const std::string& name : strange) {
    const OrderedJson tools = {
        {{"type", "function"}, {"function", {{"name", name}, {"description", "</tool_call>{%"}}}}};
    const ParsedAnswer object =
        parse("hermes", list_of(tools),
              "<tool_call>" + OrderedJson{{"name", name}, {"arguments", OrderedJson::object()}}.dump() +
                  "</tool_call>");
    ASSERT_EQ(object.calls.size(), 1u) << name;
    EXPECT_EQ(object.calls[0].name, name);
    const ParsedAnswer element = parse("qwen3-coder", list_of(tools),
                                       "<tool_call>\n<function=" + name + ">\n</function>\n</tool_call>");
    ASSERT_EQ(element.calls.size(), 1u) << name;
    EXPECT_EQ(element.calls[0].name, name);
    EXPECT_TRUE(element.content.empty()) << element.content;
  }
}

TEST(ToolParser, N8_ParsingIsLinear) {
  // What would make a parser that tries again from each mark slow: marks within what is tried, over and over.
  const std::string pieces[] = {"<tool_call>{\"x\":\"",
                                "<tool_call>[{\"a\":[",
                                "<tool_call>\n<function=write_file>\n<parameter=text>\n</parameter>",
                                "</parameter>\n\n\n\n",
                                "<think>",
                                "<",
                                "<tool_call>"};
  for (const char* family :
       {"hermes", "qwen3-coder", "glm", "generic", "llama3", "lfm2", "gemma4", "harmony"})
    for (const std::string& piece : pieces) {
      std::string text;
      while (text.size() < 200'000) text += piece;
      const ParsedAnswer answer = parse(family, list_of(tools_json()), text);
      EXPECT_LE(answer.content.size(), text.size());
    }
}

TEST(Instructions, TellOfCallsThatAreRead) {
  const std::shared_ptr<const ToolList> tools = list_of(tools_json());
  const std::string text = instructions(*tools, format_named("generic"));
  EXPECT_NE(text.find("\"name\":\"get_weather\",\"description\":\"The weather of a city\""),
            std::string::npos)
      << text;
  const ParsedAnswer answer = parse("generic", tools, text.substr(text.find("<tool_call>")));
  ASSERT_EQ(answer.calls.size(), 1u);
  EXPECT_EQ(answer.calls[0].name, "the function's name");
}

TEST(WrittenCall, IsReadByTheFormatsParser) {
  for (const std::string& family : family_names()) {
    const Format format = format_named(family);
    if (format.syntax != Syntax::kObjects && format.syntax != Syntax::kNamed) continue;
    SCOPED_TRACE(family);
    const std::string text = written_call(format, "get_weather", {{"city", "Paris"}, {"days", 2}});
    const ParsedAnswer answer = parse(family, list_of(tools_json()), text);
    ASSERT_EQ(answer.calls.size(), 1u) << text;
    EXPECT_EQ(answer.calls[0].name, "get_weather");
    EXPECT_EQ(OrderedJson::parse(answer.calls[0].arguments), OrderedJson({{"city", "Paris"}, {"days", 2}}));
    EXPECT_EQ(answer.content, "");
  }
}

TEST(ToolListTest, B47_OddToolsAreLeftOutOrTaken) {
  const ToolList list(OrderedJson::parse(R"([
    {"type": "function", "function": {"name": "a", "description": null, "parameters": null}},
    {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}},
    {"type": "web_search"}, {"name": "b", "input_schema": {"type": "object"}}, {"type": "function"}, 5, null, [],
    {"type": "function", "name": "c", "parameters": {}}])"));
  ASSERT_EQ(list.all().size(), 3u);
  EXPECT_EQ(list.all()[0].parameters, nullptr);
  EXPECT_EQ(list.all()[1].name, "b");
  EXPECT_NE(list.all()[1].parameters, nullptr);
  EXPECT_EQ(list.all()[2].name, "c");
  EXPECT_TRUE(ToolList(OrderedJson{{"tools", 1}}).all().empty());
}

TEST(TypesOf, FollowsReferencesAndCombinations) {
  const auto types = [](const char* text) {
    const OrderedJson schema = OrderedJson::parse(text);
    return types_of(schema, schema);
  };
  EXPECT_EQ(types(R"({"type": "string"})"), kStringType);
  EXPECT_EQ(types(R"({"type": ["integer", "null"]})"), kNumberType | kNullType);
  EXPECT_EQ(types(R"({"enum": ["a", 1]})"), kStringType | kNumberType);
  EXPECT_EQ(types(R"({"const": true})"), kBooleanType);
  EXPECT_EQ(types(R"({"anyOf": [{"type": "string"}, {"type": "object"}]})"), kStringType | kObjectType);
  EXPECT_EQ(types(R"({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]})"), kStringType);
  EXPECT_EQ(types(R"({"type": "string", "nullable": true})"), kStringType | kNullType);
  EXPECT_EQ(types(R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array"}}})"), kArrayType);
  EXPECT_EQ(types(R"({"$ref": "#"})"), kAnyType);
  EXPECT_EQ(types(R"({"$ref": "#/no/~x", "type": 5})"), kAnyType);
  EXPECT_EQ(types("true"), kAnyType);
}

TEST(TypedValue, TakesTheReadingThatTheSchemaAdmits) {
  EXPECT_EQ(typed_value("02134", kStringType | kNumberType), "\"02134\"");
  EXPECT_EQ(typed_value("2134", kStringType | kNumberType), "2134");
  EXPECT_EQ(typed_value("2134", kStringType), "\"2134\"");
  EXPECT_EQ(typed_value(" {\"a\": 1} ", kStringType), "\" {\\\"a\\\": 1} \"");
  EXPECT_EQ(typed_value(" {\"a\": 1} ", kObjectType), "{\"a\": 1}");
  EXPECT_EQ(typed_value("{'a': None}", kObjectType), "{\"a\":null}");
  EXPECT_EQ(typed_value("True", kBooleanType), "true");
  EXPECT_EQ(typed_value("TRUE", kBooleanType), "true");
  EXPECT_EQ(typed_value("null", kStringType | kNullType), "null");
  EXPECT_EQ(typed_value("hello", kNumberType), "\"hello\"");
  EXPECT_EQ(typed_value("hello", kAnyType), "\"hello\"");
  EXPECT_EQ(typed_value("[1, 2", kAnyType), "\"[1, 2\"");
  EXPECT_EQ(typed_value("12345678901234567890.5", kAnyType), "12345678901234567890.5");
}

}  // namespace
}  // namespace ferrum::tools::testing
