#include "grammar/grammar.h"

#include <set>

#include "grammar/gbnf.h"
#include "grammar/program.h"
#include "grammar/schema/compile_schema.h"

namespace ferrum::grammar {

size_t Program::bytes() const {
  std::set<const Automaton*> automata;
  size_t bytes = sizeof(Program);
  for (const Goal& goal : goals) {
    automata.insert({goal.strings.get(), goal.numbers.get()});
    bytes += sizeof(Goal) + (goal.arrays.size() + goal.objects.size()) * sizeof(uint32_t);
  }
  for (const ObjectShape& shape : objects) {
    automata.insert(shape.names.get());
    bytes += sizeof(ObjectShape) + shape.listed.size() * (sizeof(ObjectShape::Member) + sizeof(Choice) + 12);
    bytes += (shape.below_begin.size() + shape.below.size()) * sizeof(uint32_t);
  }
  for (const ArrayShape& shape : arrays)
    bytes += sizeof(ArrayShape) + shape.prefix.size() * (sizeof(ArrayShape::Position) + sizeof(GoalId));
  for (const Rule& rule : rules) {
    automata.insert(rule.automaton.get());
    bytes += sizeof(Rule);
    for (const auto& calls : rule.calls) bytes += sizeof(calls) + calls.size() * sizeof(Rule::Call);
  }
  for (const Automaton* automaton : automata)
    if (automaton) bytes += automaton->bytes();
  return bytes;
}

Grammar::Grammar(std::unique_ptr<const Program> program)
    : program_(std::move(program)), bytes_(program_->bytes()) {}
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
