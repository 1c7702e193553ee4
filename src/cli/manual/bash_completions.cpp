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
    case ValueKind::kNamedModel:
      return "named";
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

# Bash takes org/model:type and NAME=PATH for three words each, and replaces the last of them.
_ferrum() {
  local words=() word joined= replaced=${COMP_WORDS[COMP_CWORD]} i
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [ -n "$joined" ] || [[ $word == [:=] ]]; then
      words[${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    joined=
    [[ $word != [:=] ]] || joined=1
  done
  [[ $replaced != [:=] ]] || replaced=
  local last=$((${#words[@]} - 1)) command= place=0 options= valued= filler=nothing option= before=
  local current=${words[last]} arguments=()
  COMPREPLY=()
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    if [[ $word == -?* ]]; then
      [[ $valued == *" $word "* ]] || continue
      ((i += 1))
      ((i < last)) || option=$word
    elif [ -z "$command" ]; then
      command=$word
      _ferrum_has ''
    else
      ((place += 1))
    fi
  done
  if [ -z "$option" ] && [[ $current == -?*=* ]]; then
    option=${current%%=*}
    before=$option=
  fi
  arguments=()
  _ferrum_has "$option"
  if [ -n "$option" ]; then
    [[ $valued == *" $option "* ]] || filler=nothing
  elif [[ $current == -* ]]; then
    filler="words $options"
  else
    filler=${arguments[place]}
  fi
  if [ "$filler" = named ]; then
    filler=nothing
    if [[ ${current#"$before"} == ?*=* ]]; then
      word=${current#"$before"}
      before+=${word%%=*}=
      filler=models
    fi
  fi
  _ferrum_fill "${current#"$before"}" "$filler"
  for i in "${!COMPREPLY[@]}"; do
    word=$before${COMPREPLY[i]}
    COMPREPLY[i]=${word:${#current}-${#replaced}}
  done
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
