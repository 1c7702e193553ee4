// ferrum grammar: judges texts by a grammar.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/options.h"
#include "grammar/grammar.h"
#include "grammar/matcher.h"

namespace ferrum::cli {
namespace {

using grammar::Grammar;
using grammar::Matcher;
using grammar::Refusal;
using grammar::Spec;

constexpr int kAccepted = 0, kRejected = 1, kRefused = 2;

struct GrammarOptions {
  std::string action;
  std::string schema, regex, gbnf;
  std::string instance, lines;
  bool value = false;
  bool answer = false;
  bool compact = false;
};

// Editors end a file with a line end that is no part of what it holds.
std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Spec spec_of(const GrammarOptions& o) {
  if ((o.schema.empty() ? 0 : 1) + (o.regex.empty() ? 0 : 1) + (o.gbnf.empty() ? 0 : 1) != 1)
    fail(ErrorCode::kBadArgument, "give one of --schema, --regex and --gbnf");
  Spec spec = {.writing = o.answer ? Spec::Writing::kAnswers : Spec::Writing::kAny,
               .space = o.compact ? Spec::Space::kCompact : Spec::Space::kBounded};
  if (!o.schema.empty()) {
    spec.source = read_all(o.schema);
  } else if (!o.regex.empty()) {
    spec.kind = Spec::Kind::kRegex;
    spec.source = without_line_end(read_all(o.regex));
  } else {
    spec.kind = Spec::Kind::kGbnf;
    spec.source = read_all(o.gbnf);
  }
  return spec;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// A JSON text without the white space between its parts. Where that would join two words, a space is left.
std::string without_space(std::string_view text) {
  const auto is_word = [](char c) { return std::string_view("{}[]:,\"").find(c) == std::string_view::npos; };
  std::string out;
  bool in_string = false, had_space = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && is_space(c)) {
      had_space = true;
      continue;
    }
    if (had_space && !out.empty() && is_word(out.back()) && is_word(c)) out += ' ';
    had_space = false;
    out += c;
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < text.size()) out += text[++i];
  }
  return out;
}

// Whether `text` is accepted; prints which.
bool judge(const std::shared_ptr<const Grammar>& grammar, std::string text, const GrammarOptions& o) {
  if (o.value) text = without_space(text);
  Matcher matcher(grammar);
  const size_t accepted = matcher.accepted_prefix(text);
  if (accepted == text.size() && matcher.accept(text) && matcher.is_complete()) {
    fmt::print("accept\n");
    return true;
  }
  if (accepted == text.size())
    fmt::print("reject: the text ends too early, at byte {}\n", accepted);
  else
    fmt::print("reject: at byte {}\n", accepted);
  return false;
}

bool judge_lines(const std::shared_ptr<const Grammar>& grammar, const GrammarOptions& o) {
  const std::string all = read_all(o.lines);
  bool accepted = true;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find('\n', at), all.size());
    std::string line = without_line_end(all.substr(at, end - at));
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    accepted = judge(grammar, std::move(line), o) && accepted;
  }
  return accepted;
}

void grammar_command(const GrammarOptions& o) {
  if (!o.instance.empty() && !o.lines.empty())
    fail(ErrorCode::kBadArgument, "give either --instance or --jsonl");
  const Spec spec = spec_of(o);
  std::shared_ptr<const Grammar> grammar;
  try {
    grammar = Grammar::compile(spec);
  } catch (const Refusal& refusal) {
    fmt::print("refused: {}\n", refusal.what());
    throw Exit{kRefused};
  }
  bool accepted = true;
  if (!o.lines.empty())
    accepted = judge_lines(grammar, o);
  else if (!o.instance.empty())
    accepted = judge(grammar, o.value ? read_all(o.instance) : without_line_end(read_all(o.instance)), o);
  else
    fmt::print("accept\n");
  throw Exit{accepted ? kAccepted : kRejected};
}

}  // namespace

void add_grammar(CLI::App& app) {
  auto o = std::make_shared<GrammarOptions>();
  CLI::App& command = *app.add_subcommand("grammar", "Judge texts by a JSON Schema, a pattern or GBNF");
  command.add_option("ACTION", o->action, "check: judge texts; without one, only the grammar")
      ->required()
      ->check(one_of({"check"}));
  command.add_option("--schema", o->schema, "A JSON Schema; - for standard input")->type_name("FILE");
  command.add_option("--regex", o->regex, "A regular expression of ECMAScript")->type_name("FILE");
  command.add_option("--gbnf", o->gbnf, "A grammar in llama.cpp's GBNF")->type_name("FILE");
  command.add_option("--instance", o->instance, "A text to judge")->type_name("FILE");
  command.add_option("--jsonl", o->lines, "Texts to judge, one a line")->type_name("FILE");
  command.add_flag("--value", o->value, "Judge a JSON value, whatever the white space around and in it");
  command.add_flag(
      "--as-answer", o->answer,
      "Judge whether an answer would be written so: members in the schema's order, integers without "
      "a fraction");
  command.add_flag("--compact", o->compact, "No white space between the parts of a value");
  command.footer(
      "Prints accept, reject with the byte from which on the text is none of the grammar's, or refused with "
      "the\n"
      "keyword that is not supported. Exit status: 0, 1 where a text is rejected, 2 where the grammar is "
      "refused.\n\n"
      "Examples:\n"
      "  ferrum grammar check --schema schema.json --instance answer.json\n"
      "  ferrum grammar check --schema schema.json --jsonl answers.jsonl --value\n"
      "  ferrum grammar check --gbnf list.gbnf --instance answer.txt");
  command.callback([o] { grammar_command(*o); });
}

}  // namespace ferrum::cli
