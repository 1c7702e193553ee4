#include <fmt/format.h>

#include "cli/manual/completions.h"

namespace ferrum::cli {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string commands_of(const Manual& manual) {
  std::string words;
  for (const CommandEntry& command : manual.commands) words += (words.empty() ? "" : " ") + command.name;
  return words;
}

// -f: no files; -F: files; -x: a value, and no files; -r: a value.
std::string filler_of(const OptionEntry& entry, const Manual& manual) {
  const bool is_option = !entry.names.empty();
  switch (entry.kind) {
    case ValueKind::kChoice:
      return fmt::format(" {} -a {}", is_option ? "-x" : "-f",
                         quoted(fmt::format("{}", fmt::join(entry.choices, " "))));
    case ValueKind::kFile:
      return is_option ? " -r -F" : " -F";
    case ValueKind::kNamedModel:  // fish itself completes files after an equals sign
      return " -r -F";
    case ValueKind::kModel: {
      const std::string names = lists_model_names(manual);
      return std::string(is_option ? " -r -F" : " -F") +
             (names.empty() ? "" : " -a " + quoted("(" + names + ")"));
    }
    case ValueKind::kModelName: {
      const std::string names = lists_model_names(manual);
      return names.empty() ? " -f" : " -f -a " + quoted("(" + names + ")");
    }
    case ValueKind::kCommand:
      return " -f -a " + quoted(commands_of(manual));
    case ValueKind::kText:
      return is_option ? " -x" : " -f";
    case ValueKind::kNone:
      break;
  }
  return "";
}

std::string line_of(const std::string& condition, const OptionEntry& option, const Manual& manual) {
  std::string line = "complete -c ferrum" + condition;
  for (const std::string& name : option.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return line + filler_of(option, manual) + " -d " + quoted(option.help) + "\n";
}

}  // namespace

std::string fish_completions(const Manual& manual) {
  std::string text =
      "# fish completion for ferrum, made by `ferrum completions fish`\n\ncomplete -c ferrum -f\n";
  for (const OptionEntry& option : manual.program.options) text += line_of("", option, manual);
  for (const CommandEntry& command : manual.commands)
    text += fmt::format("complete -c ferrum -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        quoted(command.summary));
  for (const CommandEntry& command : manual.commands) {
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name);
    text += "\n";
    for (const OptionEntry& argument : command.arguments)
      if (argument.kind != ValueKind::kText) text += line_of(condition, argument, manual);
    for (const OptionEntry& option : command.options)
      if (option.names.back() != "--help") text += line_of(condition, option, manual);
  }
  return text;
}

}  // namespace ferrum::cli
