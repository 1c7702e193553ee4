#include <fmt/format.h>

#include "cli/manual/completions.h"

namespace ferrum::cli {
namespace {

// The completion of an argument or an option's value, in the terms of the script below.
std::string filler_of(const OptionEntry& entry, const Manual& manual) {
  switch (entry.kind) {
    case ValueKind::kChoice:
      return fmt::format("words {}", fmt::join(entry.choices, " "));
    case ValueKind::kFile:
      return "files";
    case ValueKind::kModel:
      return "models";
    case ValueKind::kModelName:
      return "names";
    case ValueKind::kCommand: {
      std::string filler = "words";
      for (const CommandEntry& command : manual.commands) filler += " " + command.name;
      return filler;
    }
    case ValueKind::kNone:
    case ValueKind::kText:
      break;
  }
  return "nothing";
}

// The options and arguments of `command`, as assignments to the variables of _ferrum.
std::string variables_of(const CommandEntry& command, const Manual& manual) {
  std::string names, valued, fillers;
  for (const OptionEntry& option : command.options) {
    names += fmt::format(" {}", fmt::join(option.names, " "));
    if (option.value.empty()) continue;
    valued += fmt::format(" {}", fmt::join(option.names, " "));
    if (option.kind != ValueKind::kText)
      fillers += fmt::format("          {}) filler='{}' ;;\n", fmt::join(option.names, "|"),
                             filler_of(option, manual));
  }
  std::string arguments;
  for (const OptionEntry& argument : command.arguments)
    arguments += fmt::format(" '{}'", filler_of(argument, manual));
  std::string text = fmt::format("      options+='{}' valued='{} '\n", names, valued);
  if (!arguments.empty()) text += fmt::format("      arguments=({})\n", arguments.substr(1));
  if (!fillers.empty()) text += "      case $1 in\n" + fillers + "      esac\n";
  return text;
}

// A filler names what completes a word: a list of words, files, models or nothing.
constexpr const char* kTail = R"bash(
_ferrum_fill() {
  local current=$1
  case $2 in
    words\ *) mapfile -t COMPREPLY < <(compgen -W "${2#words }" -- "$current") ;;
    files | models)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current"; [ "$2" = files ] || compgen -W "$(_ferrum_names)" -- "$current")
      ;;
    names) mapfile -t COMPREPLY < <(compgen -W "$(_ferrum_names)" -- "$current") ;;
  esac
}

_ferrum() {
  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
  local command= place=0 options= valued= filler=nothing i word
  local arguments=()
  COMPREPLY=()
  if [ "$current" = = ]; then
    current=
  elif [ "$option" = = ] && ((COMP_CWORD > 2)); then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  # Bash takes org/model:type for three words. It replaces the last of them, so the others are left out again.
  local before=
  if [ "$current" = : ]; then
    before=$option: current=
  elif [ "$option" = : ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}:
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [ "$word" = : ] || [ "${COMP_WORDS[i - 1]}" = : ]; then
      continue
    elif [[ $word == -?* ]]; then
      if [ "${COMP_WORDS[i + 1]}" = = ]; then
        ((i += 2))
      elif [[ $valued == *" $word "* ]]; then
        ((i += 1))
      fi
    elif [ -z "$command" ]; then
      command=$word
      _ferrum_has "$option"
    else
      ((place += 1))
    fi
  done
  [ -n "$command" ] || _ferrum_has "$option"
  if [ -n "$before" ]; then
    _ferrum_fill "$before$current" "${arguments[place - 1]}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
  elif [[ $valued == *" $option "* ]]; then
    _ferrum_fill "$current" "$filler"
  elif [[ $current == -* ]]; then
    _ferrum_fill "$current" "words $options"
  else
    _ferrum_fill "$current" "${arguments[place]}"
  fi
}

complete -F _ferrum ferrum
)bash";

}  // namespace

std::string bash_completions(const Manual& manual) {
  std::string everywhere, commands;
  for (const OptionEntry& option : manual.program.options)
    everywhere += fmt::format(" {}", fmt::join(option.names, " "));
  for (const CommandEntry& command : manual.commands) commands += " " + command.name;
  const std::string names = lists_model_names(manual);
  std::string text = "# bash completion for ferrum, made by `ferrum completions bash`\n\n";
  text += fmt::format("_ferrum_names() {{ {}; }}\n\n", names.empty() ? ":" : names);
  text += "# What the command has; the filler of option $1.\n_ferrum_has() {\n";
  text += fmt::format("  options='{}'\n  case $command in\n", everywhere);
  text += fmt::format("    '') arguments=('words{}') ;;\n", commands);
  for (const CommandEntry& command : manual.commands)
    text += fmt::format("    {})\n{}      ;;\n", command.name, variables_of(command, manual));
  return text + "  esac\n}\n" + kTail;
}

}  // namespace ferrum::cli
