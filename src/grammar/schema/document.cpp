#include "grammar/schema/document.h"

#include <algorithm>

#include "grammar/schema/uri.h"

namespace ferrum::grammar {
namespace {

constexpr const char* kNoBase = "schema:/";

Draft draft_of(const JsonTree& schema, Draft otherwise, const std::string& path) {
  const JsonTree* name = schema.find("$schema");
  if (!name || name->type != JsonTree::Type::kString) return otherwise;
  std::string uri = name->text;
  while (uri.ends_with('#') || uri.ends_with('/')) uri.pop_back();
  if (uri.starts_with("https:")) uri.erase(4, 1);
  if (uri == "http://json-schema.org/draft-04/schema") return Draft::k4;
  if (uri == "http://json-schema.org/draft-06/schema") return Draft::k6;
  if (uri == "http://json-schema.org/draft-07/schema") return Draft::k7;
  if (uri == "http://json-schema.org/draft/2019-09/schema") return Draft::k2019;
  if (uri == "http://json-schema.org/draft/2020-12/schema" || uri == "http://json-schema.org/schema")
    return Draft::k2020;
  throw Refusal("$schema", path,
                in_quotes(name->text) + " is none of the drafts 4, 6, 7, 2019-09 and 2020-12");
}

}  // namespace

std::string pointer_part(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

Holds held_by(std::string_view k, Draft draft) {
  const auto is = [&](std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), k) != list.end();
  };
  if (is({"allOf", "anyOf", "oneOf"})) return Holds::kSchemas;
  if (is({"not", "additionalProperties"})) return Holds::kSchema;
  if (is({"properties", "patternProperties", "definitions"})) return Holds::kByName;
  if (k == "items") return draft == Draft::k2020 ? Holds::kSchema : Holds::kSchemaOrSchemas;
  if (k == "additionalItems") return draft == Draft::k2020 ? Holds::kNothing : Holds::kSchema;
  if (k == "dependencies") return Holds::kByName;  // or lists of names
  if (draft >= Draft::k6 && is({"contains", "propertyNames"})) return Holds::kSchema;
  if (draft >= Draft::k7 && is({"if", "then", "else"})) return Holds::kSchema;
  if (draft < Draft::k2019) return Holds::kNothing;
  if (is({"unevaluatedItems", "unevaluatedProperties", "contentSchema"})) return Holds::kSchema;
  if (is({"$defs", "dependentSchemas"})) return Holds::kByName;
  return draft == Draft::k2020 && k == "prefixItems" ? Holds::kSchemas : Holds::kNothing;
}

SchemaDocument::SchemaDocument(const JsonTree& root) : root_(root) {
  add(root, {.path = "#", .base = kNoBase, .resource = &root, .draft = draft_of(root, Draft::k2020, "#")});
  resources_.emplace(kNoBase, &root);
}

// What is no schema has its place as well: it is refused when a keyword applies it.
void SchemaDocument::add(const JsonTree& schema, Place place) {
  if (places_.contains(&schema)) return;
  if (!schema.is_object() && !schema.is_boolean()) {
    places_.emplace(&schema, std::move(place));
    return;
  }
  const JsonTree* reference = schema.find("$ref");
  const bool is_reference =
      place.draft <= Draft::k7 && reference && reference->type == JsonTree::Type::kString;
  if (!is_reference) {
    const JsonTree* id = schema.find(place.draft == Draft::k4 ? "id" : "$id");
    if (id && id->type == JsonTree::Type::kString && !id->text.empty()) {
      const SplitUri uri = resolve_uri(place.base, id->text);
      if (place.draft <= Draft::k7 && !uri.fragment.empty()) {
        anchors_.emplace(std::pair(uri.uri, uri.fragment), &schema);
        if (uri.uri != place.base) place.base = uri.uri;
      }
      if (uri.fragment.empty() && !(id->text.starts_with('#'))) {
        place.base = uri.uri;
        place.resource = &schema;
        place.draft = draft_of(schema, place.draft, place.path);
        if (!resources_.emplace(uri.uri, &schema).second && resources_[uri.uri] != &schema)
          throw Refusal("$id", place.path, "another schema has the same URI");
      }
    }
    const auto anchor = [&](const char* keyword) {
      const JsonTree* name = schema.find(keyword);
      if (!name || name->type != JsonTree::Type::kString) return;
      anchors_.emplace(std::pair(place.base, name->text), &schema);
      if (std::string_view(keyword) == "$dynamicAnchor")
        dynamic_anchors_[place.resource].emplace(name->text, &schema);
    };
    if (place.draft >= Draft::k2019) anchor("$anchor");
    if (place.draft == Draft::k2020) anchor("$dynamicAnchor");
    const JsonTree* recursive = schema.find("$recursiveAnchor");
    if (place.draft == Draft::k2019 && recursive && recursive->type == JsonTree::Type::kTrue)
      dynamic_anchors_[place.resource].emplace("", &schema);
    if ((place.draft == Draft::k2020 && schema.find("$dynamicRef")) ||
        (place.draft == Draft::k2019 && schema.find("$recursiveRef")))
      has_dynamic_references_ = true;
  }
  const Place kept = places_.emplace(&schema, std::move(place)).first->second;
  add_children(schema, kept);
}

void SchemaDocument::add_children(const JsonTree& schema, const Place& place) {
  for (const auto& [keyword, value] : schema.members) {
    const Holds holds = held_by(keyword, place.draft);
    const std::string path = place.path + "/" + pointer_part(keyword);
    const auto child = [&](const JsonTree& one, const std::string& more) {
      Place inner = place;
      inner.path = path + more;
      add(one, std::move(inner));
    };
    if (holds == Holds::kSchema ||
        (holds == Holds::kSchemaOrSchemas && value.type != JsonTree::Type::kArray)) {
      child(value, "");
    } else if (holds == Holds::kSchemas || holds == Holds::kSchemaOrSchemas) {
      for (size_t i = 0; i < value.items.size(); ++i) child(value.items[i], "/" + std::to_string(i));
    } else if (holds == Holds::kByName) {
      for (const auto& [name, one] : value.members) child(one, "/" + pointer_part(name));
    }
  }
}

const JsonTree* SchemaDocument::at_pointer(const JsonTree& from, const std::string& pointer,
                                           std::string& path, const JsonTree** nearest) const {
  const JsonTree* at = &from;
  size_t start = 1;
  while (start <= pointer.size()) {
    const size_t end = std::min(pointer.find('/', start), pointer.size());
    std::string name = pointer.substr(start, end - start);
    path += "/" + name;
    for (size_t i = 0; (i = name.find('~', i)) != std::string::npos; ++i) {
      if (i + 1 >= name.size() || (name[i + 1] != '0' && name[i + 1] != '1')) return nullptr;
      name.replace(i, 2, name[i + 1] == '0' ? "~" : "/");
    }
    const JsonTree* next = nullptr;
    if (at->is_object()) {
      next = at->find(name);
    } else if (at->type == JsonTree::Type::kArray && !name.empty() && name.size() < 9 &&
               name.find_first_not_of("0123456789") == std::string::npos) {
      const size_t index = std::stoul(name);
      if (index < at->items.size()) next = &at->items[index];
    }
    if (!next) return nullptr;
    at = next;
    if (places_.contains(at)) *nearest = at;
    start = end + 1;
  }
  return at;
}

const JsonTree& SchemaDocument::resolve(const JsonTree& schema, const std::string& reference,
                                        const std::string& keyword) {
  const Place from = place_of(schema);
  const SplitUri uri = resolve_uri(from.base, reference);
  const auto resource = resources_.find(uri.uri);
  const JsonTree* target = nullptr;
  const std::string fragment = percent_decoded(uri.fragment);
  if (resource != resources_.end()) {
    if (fragment.empty()) {
      target = resource->second;
    } else if (fragment[0] == '/') {
      const JsonTree* nearest = resource->second;
      Place place;
      std::string path = place_of(*resource->second).path;
      target = at_pointer(*resource->second, fragment, path, &nearest);
      if (target && !places_.contains(target)) {
        place = place_of(*nearest);
        place.path = path;
        add(*target, std::move(place));
      }
      if (target && !target->is_object() && !target->is_boolean())
        throw Refusal(keyword, from.path, in_quotes(reference) + " leads to something that is no schema");
    } else if (const auto anchor = anchors_.find({uri.uri, fragment}); anchor != anchors_.end()) {
      target = anchor->second;
    }
  } else if (const auto anchor = anchors_.find({uri.uri, fragment}); anchor != anchors_.end()) {
    target = anchor->second;
  }
  if (!target)
    throw Refusal(keyword, from.path,
                  in_quotes(reference) + " leads nowhere in this schema, and nothing is fetched");
  return *target;
}

const std::map<std::string, const JsonTree*>& SchemaDocument::dynamic_anchors(
    const JsonTree& resource) const {
  static const std::map<std::string, const JsonTree*> kNone;
  const auto found = dynamic_anchors_.find(&resource);
  return found == dynamic_anchors_.end() ? kNone : found->second;
}

}  // namespace ferrum::grammar
