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
        "type": {"type": "string", "enum": ["dict"], "default": {"type": "dict"}}}})",
                                                  "parameters"));
}

}  // namespace
}  // namespace ferrum::tools
