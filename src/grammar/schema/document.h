// The schemas of a document: where they stand, in which draft, and what references lead to them.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/schema/json_tree.h"

namespace ferrum::grammar {

enum class Draft : uint8_t { k4, k6, k7, k2019, k2020 };

class SchemaDocument {
 public:
  struct Place {
    std::string path;                    // a JSON Pointer as a fragment: "#/properties/a"
    std::string base;                    // URI
    const JsonTree* resource = nullptr;  // the schema that gave the base
    Draft draft = Draft::k2020;
  };

  // Refusal: $schema is of no known draft, two schemas of one name.
  explicit SchemaDocument(const JsonTree& root);

  const JsonTree& root() const { return root_; }
  const Place& place_of(const JsonTree& schema) const { return places_.at(&schema); }
  // What `reference` in `schema` leads to. Refusal naming `keyword`: nothing here; nothing is fetched.
  const JsonTree& resolve(const JsonTree& schema, const std::string& reference, const std::string& keyword);
  // The schemas of `resource` with a $dynamicAnchor (2019-09: $recursiveAnchor, named ""), by name.
  const std::map<std::string, const JsonTree*>& dynamic_anchors(const JsonTree& resource) const;
  bool has_dynamic_references() const { return has_dynamic_references_; }

 private:
  void add(const JsonTree& schema, Place place);
  void add_children(const JsonTree& schema, const Place& place);
  const JsonTree* at_pointer(const JsonTree& from, const std::string& pointer, std::string& path,
                             const JsonTree** nearest) const;

  const JsonTree& root_;
  std::unordered_map<const JsonTree*, Place> places_;
  std::map<std::string, const JsonTree*> resources_;
  std::map<std::pair<std::string, std::string>, const JsonTree*> anchors_;
  std::unordered_map<const JsonTree*, std::map<std::string, const JsonTree*>> dynamic_anchors_;
  bool has_dynamic_references_ = false;
};

// A name as a part of a JSON Pointer.
std::string pointer_part(std::string_view name);

// How the draft's keywords hold schemas.
enum class Holds : uint8_t { kNothing, kSchema, kSchemas, kSchemaOrSchemas, kByName };
Holds held_by(std::string_view keyword, Draft draft);

}  // namespace ferrum::grammar
