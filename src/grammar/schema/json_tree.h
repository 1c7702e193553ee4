// A JSON text as a tree that keeps what a schema's meaning depends on: the order of members and the digits of
// numbers.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "grammar/refusal.h"

namespace ferrum::grammar {

struct JsonMember;

struct JsonTree {
  enum class Type : uint8_t { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };
  Type type = Type::kNull;
  std::string text;  // of a string, or of a number as written
  std::vector<JsonTree> items;
  std::vector<JsonMember> members;

  bool is_object() const { return type == Type::kObject; }
  bool is_boolean() const { return type == Type::kTrue || type == Type::kFalse; }
  const JsonTree* find(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonTree value;
};

inline const JsonTree* JsonTree::find(std::string_view name) const {
  for (const JsonMember& member : members)
    if (member.name == name) return &member.value;
  return nullptr;
}

// Refusal: no JSON, two members of one name, nested deeper than 300.
JsonTree parse_json_tree(std::string_view text, const Limits& limits);

}  // namespace ferrum::grammar
