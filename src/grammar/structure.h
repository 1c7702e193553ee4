// A grammar of a whole answer, made of fixed text, free text, JSON values and other grammars: plain data,
// which Grammar::compile takes as a Spec of kind kStructure.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ferrum::grammar {

struct Spec;

// Something to look for in a text: pieces that follow one another, with any white space between two of them.
using TextPattern = std::vector<std::string>;

struct StructureNode {
  static constexpr uint32_t kNoLimit = UINT32_MAX;

  enum class Kind : uint8_t {
    kLiteral,   // `text`
    kMark,      // `text`, whose parts control tokens of the same spelling may stand for
    kSpace,     // white space, at most `most` characters
    kSequence,  // the children, one after the other
    kChoice,    // one of the children
    kRepeat,    // children[0], `least` to `most` times
    kSpec,      // a text of `spec`; JSON has no white space around it
    // Any bytes until one of `ends` is complete: none ends in the text itself. What follows the node may
    // begin anywhere and, from there on, is no part of the text; where it does not go on, its bytes are.
    kText,
    // Bytes and control tokens, as of kText. Each child may begin anywhere, and behind it there is free text
    // again, unless it is one of the `last`. The text itself may end anywhere unless `must_end` says that one
    // of the `last` ends it.
    kFree,
    // The members of an object that `spec`, a schema, admits, written as a list of names and values instead
    // of as JSON. Children: what precedes a name; stands between name and value; follows a value; stands
    // between two members; follows the last one. Where text is marked as such there are two more: the second
    // and third of values of JSON.
    //
    // A value is JSON, or a string as plain text: what its reader takes the text for decides (`types`). No
    // value contains one of `ends`.
    kMembers,
  };

  // What the reader of a member's value knows of it: types of JSON, as a set. Only strings: all is text. No
  // strings: all is JSON. Otherwise a value of one of the types as JSON, or else text.
  enum Types : uint8_t { kNull = 1, kBoolean = 2, kNumber = 4, kString = 8, kArray = 16, kObject = 32 };

  Kind kind = Kind::kSequence;
  std::string text;
  std::vector<int> children;  // indices into Structure::nodes, all smaller than the node's own
  uint32_t least = 0, most = kNoLimit;
  std::shared_ptr<const Spec> spec;
  std::string subject;            // kSpec: what a refusal says of whose grammar it is
  std::vector<TextPattern> ends;  // so that what follows is the only reading once one of them stands there
  std::vector<int> last;          // kFree: those of the children that end the node
  bool must_end = false;          // kFree
  std::map<std::string, uint8_t> types;  // kMembers: by name
  uint8_t other_types = 63;              // … of all other names
  std::string names;     // kMembers: a pattern of names that can be written, each as a whole; empty: any
  std::string name_end;  // kMembers: what ends a name; in names of `types` it may stand where it is read so
};

struct Structure {
  std::vector<StructureNode> nodes;
  int root = -1;

  int add(StructureNode node) {
    nodes.push_back(std::move(node));
    return static_cast<int>(nodes.size()) - 1;
  }
};

// A text that is equal for equal structures only.
std::string content_of(const Structure& structure);

}  // namespace ferrum::grammar
