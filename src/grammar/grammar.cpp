#include "grammar/grammar.h"

#include <fmt/core.h>

#include <set>

#include "base/check.h"
#include "grammar/program.h"
#include "grammar/rules.h"
#include "grammar/schema/compile_schema.h"
#include "grammar/structure_graph.h"

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
  if (graph) bytes += graph->bytes();
  for (const Automaton* automaton : automata)
    if (automaton) bytes += automaton->bytes();
  return bytes;
}

std::string content_of(const Spec& spec) {
  // Each part stands behind its length.
  std::string out = fmt::format("{} {} {} {}:{}", static_cast<int>(spec.kind), static_cast<int>(spec.writing),
                                static_cast<int>(spec.space), spec.source.size(), spec.source);
  for (const std::string& choice : spec.choices) out += fmt::format(" {}:{}", choice.size(), choice);
  if (spec.structure) out += " " + content_of(*spec.structure);
  return out;
}

std::string content_of(const Structure& structure) {
  std::string out = fmt::format("{}", structure.root);
  for (const StructureNode& node : structure.nodes) {
    out += fmt::format("\n{} {} {} {} {}:{}", static_cast<int>(node.kind), node.least, node.most,
                       node.must_end, node.text.size(), node.text);
    for (const int child : node.children) out += fmt::format(" {}", child);
    out += " last";
    for (const int child : node.last) out += fmt::format(" {}", child);
    for (const TextPattern& pattern : node.ends) {
      out += " end";
      for (const std::string& piece : pattern) out += fmt::format(" {}:{}", piece.size(), piece);
    }
    for (const auto& [name, types] : node.types) out += fmt::format(" {} {}:{}", types, name.size(), name);
    out += fmt::format(" {} {}:{}", node.other_types, node.names.size(), node.names);
    out += fmt::format(" {}:{}", node.name_end.size(), node.name_end);
    out += fmt::format(" of {}:{}", node.subject.size(), node.subject);
    if (node.spec) {
      const std::string content = content_of(*node.spec);
      out += fmt::format(" {}:{}", content.size(), content);
    }
  }
  return out;
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
      for (ObjectShape& shape : program->objects)
        shape.in_any_order = spec.writing != Spec::Writing::kAnswers;
      break;
    case Spec::Kind::kStructure:
      check(spec.structure != nullptr, "a structure");
      compile_structure(*spec.structure, limits, *program);
      break;
    default:
      compile_rules(spec, limits, *program);
  }
  return std::shared_ptr<const Grammar>(new Grammar(std::move(program)));
}

}  // namespace ferrum::grammar
