// A grammar that an answer must follow, compiled from a JSON Schema, a regular expression, GBNF or a list of
// choices.
//
// What cannot be followed exactly is refused by name; nothing is loosened.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "grammar/refusal.h"

namespace ferrum::grammar {

struct Program;

struct Spec {
  enum class Kind { kJsonSchema, kRegex, kGbnf, kChoices };
  // How values may be written. kAnswers is for answers to be generated: members in the schema's order,
  // integers without a fraction. kAny is for judging what others wrote: members in any order, numbers in any
  // form.
  enum class Writing { kAnswers, kAny };
  enum class Space { kBounded, kCompact };  // up to 32 characters of white space in each gap, or none

  Kind kind = Kind::kJsonSchema;
  std::string source;
  std::vector<std::string> choices;
  Writing writing = Writing::kAnswers;
  Space space = Space::kBounded;
};

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
