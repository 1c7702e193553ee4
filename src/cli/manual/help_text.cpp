#include "cli/manual/help_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/terminal.h"

namespace ferrum::cli {
namespace {

constexpr int kHelpColumn = 30;  // the column where explanations begin
constexpr int kIndent = 2;
constexpr int kNarrowest = 60;
constexpr int kWidest = 110;

// Lines of at most `columns`, wrapped between words.
std::vector<std::string> wrapped(const std::string& text, int columns) {
  std::vector<std::string> lines = {""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (line.empty())
      line = word;
    else if (line.size() + 1 + word.size() <= static_cast<size_t>(columns))
      line += " " + word;
    else
      lines.push_back(word);
  }
  return lines;
}

// `name` with `help` beside it, or below it if it is long. `shown` is `name` with its escape sequences.
std::string row(const std::string& name, const std::string& shown, const std::string& help, int columns) {
  std::string text = std::string(kIndent, ' ') + shown;
  int at = kIndent + static_cast<int>(name.size());
  if (at + 2 > kHelpColumn) {
    text += '\n';
    at = 0;
  }
  for (const std::string& line : wrapped(help, columns - kHelpColumn)) {
    text += std::string(static_cast<size_t>(kHelpColumn - at), ' ') + line + '\n';
    at = 0;
  }
  return text;
}

std::string option_row(const OptionEntry& option, const HelpLayout& layout) {
  const std::string names = fmt::format("{}", fmt::join(option.names, ", "));
  // Options without a short name are aligned with those that have one.
  const std::string before = !option.names.empty() && option.names.front().starts_with("--") ? "    " : "";
  const std::string value = option.value.empty() ? "" : (names.empty() ? "" : " ") + option.value;
  const std::string shown =
      before + layout.style.name(names) + (names.empty() ? layout.style.name(value) : value);
  return row(before + names + value, shown, help_of(option), layout.columns);
}

std::string options_text(const std::vector<OptionEntry>& options, const HelpLayout& layout) {
  std::vector<std::string> groups;
  for (const OptionEntry& option : options)
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  std::string text;
  for (const std::string& group : groups) {
    text += "\n" + layout.style.heading(group + ":") + "\n";
    for (const OptionEntry& option : options)
      if (option.group == group) text += option_row(option, layout);
  }
  return text;
}

std::string example_line(const std::string& example, const Style& style) {
  const size_t remark = example.find("  # ");
  if (remark == std::string::npos) return "  " + example + "\n";
  return "  " + example.substr(0, remark) + style.remark(example.substr(remark)) + "\n";
}

std::string beginning(const CommandEntry& command, const HelpLayout& layout) {
  return command.summary + "\n\n" + layout.style.heading("Usage:") + " " + command.usage + "\n";
}

std::string ending(const CommandEntry& command, const HelpLayout& layout) {
  std::string text;
  for (const std::string& paragraph : paragraphs_of(command.explanation))
    text += fmt::format("\n{}\n", fmt::join(wrapped(paragraph, layout.columns), "\n"));
  if (command.examples.empty()) return text;
  text += "\n" + layout.style.heading(command.examples.size() > 1 ? "Examples:" : "Example:") + "\n";
  for (const std::string& example : command.examples) text += example_line(example, layout.style);
  return text;
}

}  // namespace

HelpLayout layout_of(int descriptor) {
  const int columns = columns_of(descriptor, kWidest);
  return {.columns = std::clamp(columns, kNarrowest, kWidest), .style = Style::of(descriptor)};
}

std::string help_of(const OptionEntry& option) {
  std::vector<std::string> facts;
  if (option.required && !option.names.empty()) facts.emplace_back("required");
  if (!option.default_value.empty()) facts.push_back("default: " + option.default_value);
  if (!option.environment.empty()) facts.push_back("environment: " + option.environment);
  if (!option.excludes.empty()) facts.push_back(fmt::format("not with {}", fmt::join(option.excludes, ", ")));
  if (!option.needs.empty()) facts.push_back(fmt::format("only with {}", fmt::join(option.needs, ", ")));
  if (facts.empty()) return option.help;
  return fmt::format("{} ({})", option.help, fmt::join(facts, "; "));
}

std::string help_text(const CommandEntry& command, const HelpLayout& layout) {
  std::string text = beginning(command, layout);
  if (!command.arguments.empty()) text += "\n" + layout.style.heading("Arguments:") + "\n";
  for (const OptionEntry& argument : command.arguments) text += option_row(argument, layout);
  return text + options_text(command.options, layout) + ending(command, layout);
}

std::string help_text(const Manual& manual, const HelpLayout& layout) {
  std::string text = beginning(manual.program, layout);
  std::string group;
  for (const CommandEntry& command : manual.commands) {
    if (command.group != group) text += "\n" + layout.style.heading((group = command.group) + ":") + "\n";
    text += row(command.name, layout.style.name(command.name), command.summary, layout.columns);
  }
  return text + options_text(manual.program.options, layout) + ending(manual.program, layout);
}

}  // namespace ferrum::cli
