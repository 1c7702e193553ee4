// A grammar that an answer must follow, compiled from a JSON Schema, a regular expression, GBNF, Lark or a
// list of choices.
//
// What cannot be followed exactly is refused by name; nothing is loosened.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "grammar/refusal.h"

namespace ferrum::grammar {

struct Program;
struct Structure;

struct Spec {
  enum class Kind { kJsonSchema, kRegex, kGbnf, kLark, kChoices, kStructure };
  // How values may be written. kAnswers is for answers to be generated: members in the schema's order,
  // integers without a fraction. kAnyOrder is the same with members in any order. kAny is for judging what
  // others wrote: members in any order, numbers in any form.
  enum class Writing { kAnswers, kAnyOrder, kAny };
  enum class Space { kBounded, kCompact };  // up to 32 characters of white space in each gap, or none

  Kind kind = Kind::kJsonSchema;
  std::string source;
  std::vector<std::string> choices;
  Writing writing = Writing::kAnswers;
  Space space = Space::kBounded;                 // of a structure: for all its values
  std::shared_ptr<const Structure> structure{};  // kStructure
};

// A text that is equal for equal specs only.
std::string content_of(const Spec& spec);

// Immutable; may be used by many threads.
class Grammar {
 public:
  // Refusal: see there. The work is bounded by `limits`.
  static std::shared_ptr<const Grammar> compile(const Spec& spec, const Limits& limits = {});
  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  const Program& program() const { return *program_; }
  size_t bytes() const { return bytes_; }  // of memory, about

 private:
  explicit Grammar(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
  size_t bytes_;
};

}  // namespace ferrum::grammar
