#include "tools/tool_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/literal_reader.h"

namespace ferrum::tools {
namespace {

constexpr int kMaxDepth = 32;  // of references and combinations: a cycle says nothing about types

unsigned type_named(std::string_view name) {
  if (name == "null") return kNullType;
  if (name == "boolean") return kBooleanType;
  if (name == "number" || name == "integer") return kNumberType;
  if (name == "string") return kStringType;
  if (name == "array") return kArrayType;
  if (name == "object") return kObjectType;
  return kAnyType;
}

unsigned type_of(const OrderedJson& value) {
  if (value.is_null()) return kNullType;
  if (value.is_boolean()) return kBooleanType;
  if (value.is_number()) return kNumberType;
  if (value.is_string()) return kStringType;
  return value.is_array() ? kArrayType : kObjectType;
}

const OrderedJson* member(const OrderedJson& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// The names that people take over from Python, and what JSON Schema calls them; empty: any value.
struct PythonType {
  std::string_view python, json;
};
constexpr PythonType kPythonTypes[] = {
    {"dict", "object"}, {"list", "array"}, {"tuple", "array"},  {"float", "number"}, {"double", "number"},
    {"int", "integer"}, {"str", "string"}, {"bool", "boolean"}, {"none", "null"},    {"any", ""}};

void rename_python_types(OrderedJson& schema, int depth) {
  if (depth > kMaxDepth) return;
  if (schema.is_array())
    for (OrderedJson& one : schema) rename_python_types(one, depth + 1);
  if (!schema.is_object()) return;
  for (auto& [name, value] : schema.items())  // values stay what they are
    if (name != "enum" && name != "const" && name != "default" && name != "examples")
      rename_python_types(value, depth + 1);
  const auto type = schema.find("type");
  if (type == schema.end() || !type->is_string()) return;
  const auto python = std::ranges::find(kPythonTypes, type->get<std::string>(), &PythonType::python);
  if (python == std::end(kPythonTypes)) return;
  if (python->json.empty())
    schema.erase("type");
  else
    *type = std::string(python->json);
}

// Whether an object's schema names all of its members and says nothing of others: such functions take no
// others.
bool names_all(const OrderedJson& schema) {
  const OrderedJson* properties = member(schema, "properties");
  if (properties == nullptr || !properties->is_object() || properties->empty()) return false;
  for (const char* other : {"additionalProperties", "unevaluatedProperties", "patternProperties",
                            "propertyNames", "minProperties", "allOf", "anyOf", "oneOf", "not", "if", "$ref",
                            "$dynamicRef", "dependentSchemas", "dependencies"})
    if (schema.contains(other)) return false;
  const OrderedJson* required = member(schema, "required");
  return required == nullptr || !required->is_array() ||
         std::ranges::all_of(*required, [&](const OrderedJson& name) {
           return name.is_string() && properties->contains(name.get_ref<const std::string&>());
         });
}

void close_objects(OrderedJson& schema, int depth) {
  if (!schema.is_object() || depth > kMaxDepth) return;
  const bool closed = names_all(schema);
  if (const auto properties = schema.find("properties");
      properties != schema.end() && properties->is_object())
    for (auto& [name, property] : properties->items()) close_objects(property, depth + 1);
  if (const auto items = schema.find("items"); items != schema.end()) close_objects(*items, depth + 1);
  if (closed) schema["additionalProperties"] = false;
}

// What a reference within the document points at; null where it points elsewhere.
const OrderedJson* target(const OrderedJson& root, const std::string& reference) {
  if (!reference.starts_with('#')) return nullptr;
  try {
    const OrderedJson::json_pointer pointer(reference.substr(1));
    return root.contains(pointer) ? &root.at(pointer) : nullptr;
  } catch (const OrderedJson::exception&) {
    return nullptr;  // no JSON pointer
  }
}

unsigned types_within(const OrderedJson& schema, const OrderedJson& root, int depth);

unsigned union_of(const OrderedJson& schemas, const OrderedJson& root, int depth) {
  unsigned types = 0;
  for (const OrderedJson& schema : schemas) types |= types_within(schema, root, depth);
  return types == 0 ? static_cast<unsigned>(kAnyType) : types;
}

unsigned stated_types(const OrderedJson& type) {
  unsigned types = 0;
  if (type.is_string()) types = type_named(type.get_ref<const std::string&>());
  if (type.is_array())
    for (const OrderedJson& one : type)
      types |=
          one.is_string() ? type_named(one.get_ref<const std::string&>()) : static_cast<unsigned>(kAnyType);
  return types == 0 ? static_cast<unsigned>(kAnyType) : types;
}

unsigned types_within(const OrderedJson& schema, const OrderedJson& root, int depth) {
  if (!schema.is_object() || depth > kMaxDepth) return kAnyType;
  unsigned types = kAnyType;
  if (const OrderedJson* type = member(schema, "type")) types &= stated_types(*type);
  if (const OrderedJson* constant = member(schema, "const")) types &= type_of(*constant);
  if (const OrderedJson* values = member(schema, "enum"); values && values->is_array() && !values->empty()) {
    unsigned of_values = 0;
    for (const OrderedJson& value : *values) of_values |= type_of(value);
    types &= of_values;
  }
  for (const char* name : {"anyOf", "oneOf"})
    if (const OrderedJson* schemas = member(schema, name); schemas && schemas->is_array())
      types &= union_of(*schemas, root, depth + 1);
  if (const OrderedJson* schemas = member(schema, "allOf"); schemas && schemas->is_array())
    for (const OrderedJson& one : *schemas) types &= types_within(one, root, depth + 1);
  if (const OrderedJson* reference = member(schema, "$ref"); reference && reference->is_string())
    if (const OrderedJson* pointed = target(root, reference->get_ref<const std::string&>()))
      types &= types_within(*pointed, root, depth + 1);
  if (const OrderedJson* nullable = member(schema, "nullable"); nullable && *nullable == true)
    types |= kNullType;
  if (types == kAnyType && (member(schema, "properties") != nullptr)) types = kObjectType;
  if (types == kAnyType && (member(schema, "items") != nullptr)) types = kArrayType;
  return types == 0 ? static_cast<unsigned>(kAnyType) : types;
}

std::string text_member(const OrderedJson& object, const char* name) {
  const OrderedJson* found = member(object, name);
  return found && found->is_string() ? found->get<std::string>() : std::string();
}

// The type of a value by the first byte of its JSON.
unsigned type_of_json(char first) {
  switch (first) {
    case 'n':
      return kNullType;
    case 't':
    case 'f':
      return kBooleanType;
    case '"':
      return kStringType;
    case '[':
      return kArrayType;
    case '{':
      return kObjectType;
    default:
      return kNumberType;
  }
}

std::string json_string(std::string_view text) {
  std::string json = "\"";
  append_json_text(json, text);
  return json + '"';
}

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool asks_for_any_text(const OrderedJson& schema) {
  if (!schema.is_object() || member(schema, "type") == nullptr) return false;
  for (const auto& [keyword, value] : schema.items())
    if (keyword == "type" ? value != "string" : keyword != "description" && keyword != "title") return false;
  return true;
}

}  // namespace

unsigned types_of(const OrderedJson& schema, const OrderedJson& root) {
  return types_within(schema, root, 0);
}

ToolList::ToolList(const OrderedJson& tools) {
  if (!tools.is_array()) return;
  for (const OrderedJson& entry : tools) {
    const OrderedJson* inner = member(entry, "function");
    const OrderedJson& function = inner && inner->is_object() ? *inner : entry;
    const std::string type = text_member(entry, "type");
    Tool tool = {.name = text_member(function, "name"), .description = text_member(function, "description")};
    if (tool.name.empty() || (!type.empty() && type != "function" && type != "custom")) continue;
    const OrderedJson* parameters = member(function, "parameters");
    if (!parameters) parameters = member(function, "input_schema");
    if (parameters && parameters->is_object()) {
      OrderedJson schema = *parameters;
      rename_python_types(schema, 0);
      close_objects(schema, 0);
      tool.parameters = std::make_shared<const OrderedJson>(std::move(schema));
    }
    if (!find(tool.name)) tools_.push_back(std::move(tool));
  }
}

const Tool* ToolList::find(std::string_view name) const {
  const auto found =
      std::find_if(tools_.begin(), tools_.end(), [&](const Tool& tool) { return tool.name == name; });
  return found == tools_.end() ? nullptr : &*found;
}

bool ToolList::continues(std::string_view text) const {
  return std::any_of(tools_.begin(), tools_.end(), [&](const Tool& tool) {
    return tool.name.size() > text.size() && std::string_view(tool.name).starts_with(text);
  });
}

const OrderedJson* parameter_schema(const Tool* tool, std::string_view name) {
  if (!tool || !tool->parameters) return nullptr;
  const OrderedJson* properties = member(*tool->parameters, "properties");
  if (!properties || !properties->is_object()) return nullptr;
  const auto found = properties->find(std::string(name));
  return found == properties->end() ? nullptr : &*found;
}

unsigned parameter_types(const Tool* tool, std::string_view name) {
  const OrderedJson* schema = parameter_schema(tool, name);
  return schema ? types_of(*schema, *tool->parameters) : static_cast<unsigned>(kAnyType);
}

std::vector<std::string> parameter_names(const Tool* tool) {
  std::vector<std::string> names;
  if (!tool || !tool->parameters) return names;
  const OrderedJson* properties = member(*tool->parameters, "properties");
  if (properties && properties->is_object())
    for (const auto& [name, schema] : properties->items()) names.push_back(name);
  return names;
}

std::vector<std::string> required_parameters(const Tool* tool) {
  std::vector<std::string> names;
  const OrderedJson* required = tool && tool->parameters ? member(*tool->parameters, "required") : nullptr;
  if (required && required->is_array())
    for (const OrderedJson& name : *required)
      if (name.is_string()) names.push_back(name);
  return names;
}

bool takes_any_text(const Tool* tool, std::string_view name) {
  const OrderedJson* schema = parameter_schema(tool, name);
  if (!schema || !asks_for_any_text(*schema)) return false;
  constexpr std::string_view kSayNothingOfValues[] = {
      "type", "properties", "required", "title", "description", "$schema", "additionalProperties"};
  for (const auto& [keyword, value] : tool->parameters->items())
    if (std::ranges::find(kSayNothingOfValues, keyword) == std::end(kSayNothingOfValues)) return false;
  return true;
}

bool takes_any_text(const Tool& tool) {
  const std::vector<std::string> names = parameter_names(&tool);
  if (names.size() != 1) return false;
  const OrderedJson* schema = parameter_schema(&tool, names[0]);
  return schema && asks_for_any_text(*schema);
}

std::string text_parameter(const Tool* tool) {
  const std::vector<std::string> names = parameter_names(tool);
  const bool is_one = names.size() == 1 && (parameter_types(tool, names[0]) & kStringType) != 0;
  return is_one ? names[0] : "input";
}

std::string typed_value(std::string_view text, unsigned types) {
  if (types == kStringType) return json_string(text);
  const std::string_view trimmed = without_spaces(text);
  for (const Dialect dialect : {Dialect::kJson, Dialect::kPython}) {
    std::string json;
    if (!read_literal(dialect, trimmed, json)) continue;
    if (types & type_of_json(json[0])) {
      // A string in quotation marks: where others are wanted too, the marks are the model's way to say so.
      return json;
    }
  }
  if (types & kStringType) return json_string(text);
  std::string lower(trimmed);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if ((types & kBooleanType) && (lower == "true" || lower == "false")) return lower;
  if ((types & kNullType) && (lower == "null" || lower == "none")) return "null";
  std::string json;
  return read_literal(Dialect::kJson, trimmed, json) ? json : json_string(text);
}

}  // namespace ferrum::tools
