#include "tools/tool_list.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ferrum::tools {
namespace {

TEST(ToolList, TypesNamedAsInPythonAreJsonsOwn) {
  const ToolList tools(parse_ordered_json(R"([{"name": "f", "parameters": {
      "type": "dict", "required": ["x"], "properties": {
        "x": {"type": "float"}, "names": {"type": "list", "items": {"type": "str"}}, "rest": {"type": "any"},
        "type": {"type": "string", "enum": ["dict"], "default": {"type": "dict"}}}}}])",
                                          "tools"));
  const Tool* tool = tools.find("f");
  ASSERT_NE(tool, nullptr);
  EXPECT_EQ(*tool->parameters, parse_ordered_json(R"({
      "type": "object", "required": ["x"], "properties": {
        "x": {"type": "number"}, "names": {"type": "array", "items": {"type": "string"}}, "rest": {},
        "type": {"type": "string", "enum": ["dict"], "default": {"type": "dict"}}},
      "additionalProperties": false})",
                                                  "parameters"));
}

TEST(ToolList, FunctionsTakeNoParametersThatTheyDoNotName) {
  const auto closed = [](const char* schema) {
    OrderedJson tools =
        OrderedJson::array({OrderedJson{{"name", "f"}, {"parameters", parse_ordered_json(schema, "")}}});
    const ToolList list(tools);
    const OrderedJson& parameters = *list.find("f")->parameters;
    return parameters.contains("additionalProperties") && parameters["additionalProperties"] == false;
  };
  EXPECT_TRUE(closed(R"({"properties": {"a": {}}})"));
  EXPECT_FALSE(closed(R"({"properties": {"a": {}}, "additionalProperties": {"type": "string"}})"));
  EXPECT_FALSE(closed(R"({"properties": {"a": {}}, "required": ["b"]})")) << "or nothing would fit";
  EXPECT_FALSE(closed(R"({"properties": {"a": {}}, "anyOf": [{"required": ["b"]}]})"));
  EXPECT_FALSE(closed(R"({"type": "object"})")) << "it takes any";
}

}  // namespace
}  // namespace ferrum::tools
