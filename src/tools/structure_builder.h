// Adds nodes to a structure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/structure.h"

namespace ferrum::tools {

class StructureBuilder {
 public:
  using Node = grammar::StructureNode;
  using Pattern = grammar::TextPattern;

  int literal(std::string text) { return add({.kind = Node::Kind::kLiteral, .text = std::move(text)}); }
  int mark(std::string text) { return add({.kind = Node::Kind::kMark, .text = std::move(text)}); }
  // White space where models write none, a space, or line breaks with indents.
  int space(uint32_t most = 32) { return add({.kind = Node::Kind::kSpace, .most = most}); }
  int nothing() { return sequence({}); }
  int sequence(std::vector<int> parts) {
    return add({.kind = Node::Kind::kSequence, .children = std::move(parts)});
  }
  int choice(std::vector<int> parts) {
    if (parts.size() == 1) return parts[0];
    return add({.kind = Node::Kind::kChoice, .children = std::move(parts)});
  }
  int repeat(int part, uint32_t least, uint32_t most = Node::kNoLimit) {
    return add({.kind = Node::Kind::kRepeat, .children = {part}, .least = least, .most = most});
  }
  int optional(int part) { return repeat(part, 0, 1); }
  int spec(grammar::Spec spec, std::string subject = "") {
    return add({.kind = Node::Kind::kSpec,
                .spec = std::make_shared<const grammar::Spec>(std::move(spec)),
                .subject = std::move(subject)});
  }
  int members(Node node) {
    node.kind = Node::Kind::kMembers;
    return add(std::move(node));
  }
  int text(std::vector<Pattern> ends) { return add({.kind = Node::Kind::kText, .ends = std::move(ends)}); }
  // Free text that goes on behind each of `children`.
  int free_text(std::vector<int> children, std::vector<Pattern> ends) {
    return add({.kind = Node::Kind::kFree, .children = std::move(children), .ends = std::move(ends)});
  }
  // Free text that `children` end, if they come.
  int text_with(std::vector<int> children, std::vector<Pattern> ends) {
    return add({.kind = Node::Kind::kFree, .children = children, .ends = std::move(ends), .last = children});
  }
  // Text that one of `children` ends.
  int text_to(std::vector<int> children, std::vector<Pattern> ends) {
    return add({.kind = Node::Kind::kFree,
                .children = children,
                .ends = std::move(ends),
                .last = children,
                .must_end = true});
  }

  grammar::Structure take(int root) {
    structure_.root = root;
    return std::move(structure_);
  }

 private:
  int add(Node node) { return structure_.add(std::move(node)); }

  grammar::Structure structure_;
};

}  // namespace ferrum::tools
