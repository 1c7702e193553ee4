#include "grammar/grammar.h"

#include "grammar/gbnf.h"
#include "grammar/program.h"
#include "grammar/schema/compile_schema.h"

namespace ferrum::grammar {

Grammar::Grammar(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
Grammar::~Grammar() = default;

std::shared_ptr<const Grammar> Grammar::compile(const Spec& spec, const Limits& limits) {
  auto program = std::make_unique<Program>();
  program->takes_any_writing = spec.writing == Spec::Writing::kAny;
  program->max_space = spec.space == Spec::Space::kCompact ? 0 : Program::kMaxSpace;
  switch (spec.kind) {
    case Spec::Kind::kJsonSchema:
      compile_schema(spec.source, limits, *program);
      break;
    case Spec::Kind::kRegex:
      compile_regex(spec.source, limits, *program);
      break;
    case Spec::Kind::kGbnf:
      compile_gbnf(spec.source, limits, *program);
      break;
    case Spec::Kind::kChoices:
      compile_choices(spec.choices, *program);
      break;
  }
  return std::shared_ptr<const Grammar>(new Grammar(std::move(program)));
}

}  // namespace ferrum::grammar
