// Answers as models of each family write them, and what they mean. The texts are our own, in the published
// formats.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/format.h"
#include "tools/parser.h"

namespace ferrum::tools::testing {

struct ExpectedCall {
  std::string name;
  std::string arguments;  // compared as JSON if complete, else as text
  std::string id = "";    // empty: any
  bool complete = true;
};

struct Answer {
  std::string name;
  std::string family;
  std::string text;
  std::string content;
  std::vector<ExpectedCall> calls;
  std::string reasoning = "";
  Phase phase = Phase::kContent;
};

// get_weather(city: string, days: integer, unit: enum), write_file(path: string, text: string),
// search(query: string or number, filters: object, tags: array of strings, exact: boolean, limit: integer or
// null), list_all() without parameters, python(code: string).
const OrderedJson& tools_json();

std::vector<Answer> object_answers();
std::vector<Answer> marked_answers();
const std::vector<Answer>& answers();  // all of them

}  // namespace ferrum::tools::testing
