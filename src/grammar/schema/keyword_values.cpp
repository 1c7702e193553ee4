#include "grammar/schema/keyword_values.h"

namespace ferrum::grammar {
namespace {

using Type = JsonTree::Type;

void check_schema(const JsonTree& value, const std::string& path) {
  if (!value.is_object() && !value.is_boolean())
    throw Refusal("schema", path, "it is neither an object nor true or false");
}

// Draft 4's `id` is left out: it is a word that stands in schemas whose `properties` was forgotten.
bool is_text(std::string_view keyword, Draft draft) {
  if (keyword == "$schema" || keyword == "$ref" || keyword == "format" || keyword == "pattern") return true;
  if (keyword == "$id") return draft != Draft::k4;
  if (keyword == "$anchor") return draft >= Draft::k2019;
  if (keyword == "$recursiveRef") return draft == Draft::k2019;
  return draft == Draft::k2020 && (keyword == "$dynamicRef" || keyword == "$dynamicAnchor");
}

bool is_flag(std::string_view keyword, Draft draft) {
  return keyword == "uniqueItems" || (draft == Draft::k2019 && keyword == "$recursiveAnchor");
}

void check_members(const std::string& keyword, const JsonTree& value, const std::string& path) {
  if (keyword == "definitions" || keyword == "$defs") return;
  for (const auto& [name, one] : value.members)
    if (keyword != "dependencies" || one.type != Type::kArray)
      check_schema(one, path + "/" + keyword + "/" + pointer_part(name));
}

}  // namespace

void check_keyword_values(const JsonTree& schema, const SchemaDocument::Place& place) {
  for (const JsonMember& member : schema.members) {
    const std::string& keyword = member.name;
    const JsonTree& value = member.value;
    const auto refuse = [&](const char* text) { throw Refusal(keyword, place.path, text); };
    if (is_text(keyword, place.draft) && value.type != Type::kString) refuse("it is no text");
    if (is_flag(keyword, place.draft) && !value.is_boolean()) refuse("it is neither true nor false");
    const Holds holds = held_by(keyword, place.draft);
    const bool is_list = value.type == Type::kArray;
    if (holds == Holds::kSchemas && !is_list) refuse("it is no list of schemas");
    if (holds == Holds::kByName && !value.is_object()) refuse("it is no object");
    if (is_list && keyword == "items" && place.draft == Draft::k2020)
      refuse("a list of schemas is prefixItems in draft 2020-12");
    if (holds == Holds::kSchema || (holds == Holds::kSchemaOrSchemas && !is_list))
      check_schema(value, place.path + "/" + keyword);
    else if (holds == Holds::kByName)
      check_members(keyword, value, place.path);
    else if (holds != Holds::kNothing)
      for (size_t i = 0; i < value.items.size(); ++i)
        check_schema(value.items[i], place.path + "/" + keyword + "/" + std::to_string(i));
  }
}

}  // namespace ferrum::grammar
