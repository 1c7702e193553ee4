#include "tools/answers.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace ferrum::tools::testing {

const OrderedJson& tools_json() {
  static const OrderedJson kTools = OrderedJson::parse(R"([
    {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city",
      "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city"]}}},
    {"type": "function", "function": {"name": "write_file", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "text": {"type": "string"}}, "required": ["path", "text"]}}},
    {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {
        "query": {"type": ["string", "number"]}, "filters": {"$ref": "#/$defs/filters"},
        "tags": {"type": "array", "items": {"type": "string"}}, "exact": {"type": "boolean"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "$defs": {"filters": {"type": "object"}}}}},
    {"type": "function", "function": {"name": "list_all", "description": null}},
    {"type": "function", "function": {"name": "python", "parameters": {"type": "object", "properties": {
        "code": {"type": "string"}}}}}
  ])");
  return kTools;
}

const std::vector<Answer>& answers() {
  static const std::vector<Answer> kAnswers = [] {
    std::vector<Answer> all = object_answers();
    for (Answer& answer : marked_answers()) all.push_back(std::move(answer));
    return all;
  }();
  return kAnswers;
}

}  // namespace ferrum::tools::testing
