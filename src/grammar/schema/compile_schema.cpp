#include "grammar/schema/compile_schema.h"

#include "grammar/schema/expander.h"

namespace ferrum::grammar {

void compile_schema(std::string_view schema, const Limits& limits, Program& program) {
  const JsonTree tree = parse_json_tree(schema, limits);
  if (!tree.is_object() && !tree.is_boolean())
    throw Refusal("schema", "#", "it is neither an object nor true or false");
  SchemaDocument document(tree);
  Languages languages(limits);
  program.number_sets = std::make_shared<NumberSets>(limits);
  Formulas formulas(languages, *program.number_sets);
  Translator translator(document, formulas, languages, *program.number_sets, limits);
  Expander expander(translator, formulas, languages, *program.number_sets, program, limits);
  translator.are_disjoint = [&](FormulaId a, FormulaId b) { return expander.are_disjoint(a, b); };
  expander.expand(translator.root());
}

}  // namespace ferrum::grammar
