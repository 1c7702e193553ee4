#include <fmt/format.h>

#include "cli/manual/completions.h"

namespace ferrum::cli {
namespace {

// In single quotes, with _arguments' `special` characters escaped.
std::string quoted(const std::string& text, std::string_view special = "") {
  std::string out = "'";
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

std::string escaped(const std::string& text) {
  const std::string in_quotes = quoted(text, ":[]\\");
  return in_quotes.substr(1, in_quotes.size() - 2);
}

// The action of _arguments that completes a value.
std::string action_of(const OptionEntry& entry) {
  switch (entry.kind) {
    case ValueKind::kChoice:
      return fmt::format("({})", fmt::join(entry.choices, " "));
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kModel:
      return "_ferrum_models";
    case ValueKind::kModelName:
      return "_ferrum_names";
    case ValueKind::kNamedModel:
      return "_ferrum_named_models";
    case ValueKind::kCommand:
      return "_ferrum_commands";
    case ValueKind::kNone:
    case ValueKind::kText:
      break;
  }
  return "()";  // no completion, only the name
}

std::string value_of(const OptionEntry& entry) {
  if (entry.value.empty()) return "";
  const std::string name = entry.kind == ValueKind::kChoice ? "value" : entry.value;
  return ":" + escaped(name) + ":" + action_of(entry);
}

// A short name takes its value as the next word, a long one also after an equals sign.
std::string specification_of(const OptionEntry& option, const std::string& name) {
  const std::string joint = option.value.empty() ? "" : name.starts_with("--") ? "=" : "+";
  const std::string rivals = option.repeated ? "*" : fmt::format("({})", fmt::join(option.names, " "));
  return fmt::format("'{}{}{}[{}]{}'", rivals, name, joint, escaped(option.help), value_of(option));
}

std::string arguments_of(const CommandEntry& command, const CommandEntry* program) {
  std::string text = program ? "_arguments -s -S" : "_arguments -C -s -S";
  const auto add = [&](const std::string& specification) { text += " \\\n        " + specification; };
  for (const CommandEntry* entry : {&command, program}) {
    if (!entry) continue;
    for (const OptionEntry& option : entry->options) {
      if (entry == program && (option.names.back() == "--help" || option.names.back() == "--version"))
        continue;
      for (const std::string& name : option.names) add(specification_of(option, name));
    }
  }
  for (const OptionEntry& argument : command.arguments)
    add(fmt::format("'{}{}{}'", argument.repeated ? "*" : "",
                    argument.required || argument.repeated ? "" : ":", value_of(argument)));
  return text;
}

// In the state `rest`, the first of $words is the command, for this function and those that it calls only.
constexpr const char* kTail = R"zsh(
  case $state in
    command) _ferrum_commands ;;
    rest) _ferrum_command_$words[1] 2>/dev/null ;;
  esac
}

if [ "$funcstack[1]" = _ferrum ]; then
  _ferrum "$@"
else
  compdef _ferrum ferrum
fi
)zsh";

}  // namespace

std::string zsh_completions(const Manual& manual) {
  std::string text = "#compdef ferrum\n# zsh completion for ferrum, made by `ferrum completions zsh`\n\n";
  text += "_ferrum_commands() {\n  local -a commands=(\n";
  for (const CommandEntry& command : manual.commands)
    text += fmt::format("    {}\n", quoted(command.name + ":" + command.summary));
  text += "  )\n  _describe -t commands command commands\n}\n\n";
  const std::string names = lists_model_names(manual);
  text += fmt::format("_ferrum_names() {{\n  local -a names=({})\n  compadd -a names\n}}\n\n",
                      names.empty() ? "" : "${(f)\"$(" + names + ")\"}");
  text += "_ferrum_models() {\n  _alternative 'names:name:_ferrum_names' 'files:file:_files'\n}\n\n";
  text += "_ferrum_named_models() {\n  if compset -P 1 '*='; then _ferrum_models; fi\n}\n\n";
  for (const CommandEntry& command : manual.commands)
    text += fmt::format("_ferrum_command_{}() {{\n  {}\n}}\n\n", command.name,
                        arguments_of(command, &manual.program));
  text +=
      "_ferrum() {\n  local context state state_descr line curcontext=$curcontext\n  typeset -A opt_args\n  ";
  return text + arguments_of(manual.program, nullptr) + " \\\n        ': :->command' '*:: :->rest'" + kTail;
}

}  // namespace ferrum::cli
