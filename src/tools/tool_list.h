// The functions that a request offers, and what their schemas say about the type of a value.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ferrum::tools {

// Of JSON, as a set.
enum Types : unsigned {
  kNullType = 1,
  kBooleanType = 2,
  kNumberType = 4,
  kStringType = 8,
  kArrayType = 16,
  kObjectType = 32,
  kAnyType = 63,
};

struct Tool {
  std::string name;
  std::string description;
  std::shared_ptr<const OrderedJson> parameters;  // a JSON schema; null where none is given
};

// What `schema` admits, as far as types, constants, references within `root` and combinations tell.
unsigned types_of(const OrderedJson& schema, const OrderedJson& root);

class ToolList {
 public:
  ToolList() = default;
  // Functions of OpenAI's `tools`, bare functions, and Anthropic's tools (`input_schema`); tools of other
  // types and entries without a name are left out. Types of parameters that have their names from Python
  // ("dict", "float") count as JSON Schema's. Of two functions with one name the first counts. Nothing
  // that a description or a schema says is an error.
  explicit ToolList(const OrderedJson& tools);

  const std::vector<Tool>& all() const { return tools_; }
  const Tool* find(std::string_view name) const;  // null where there is none
  // Some function's name begins with `text`, and is longer.
  bool continues(std::string_view text) const;

 private:
  std::vector<Tool> tools_;
};

// The types of parameter `name`; kAnyType where the schema does not say. `tool` may be null.
unsigned parameter_types(const Tool* tool, std::string_view name);
// The names of the parameters in the schema's order.
std::vector<std::string> parameter_names(const Tool* tool);
// The schema of a parameter; null where there is none.
const OrderedJson* parameter_schema(const Tool* tool, std::string_view name);

// The names of those that a call must have, as far as `required` says. `tool` may be null.
std::vector<std::string> required_parameters(const Tool* tool);
// Whether the schema takes any string for a parameter, and nothing else, whatever the others are. `tool` may
// be null.
bool takes_any_text(const Tool* tool, std::string_view name);

// Whether a function takes one text of any form, as tools for code do; and the parameter that a text which is
// written in place of arguments belongs to.
bool takes_any_text(const Tool& tool);
std::string text_parameter(const Tool* tool);

// The JSON of a value that is written as plain text. The schema's types decide: a reading as JSON (or as
// Python) of a type that is admitted, else the text itself where a string is, else the best reading.
std::string typed_value(std::string_view text, unsigned types);

}  // namespace ferrum::tools
