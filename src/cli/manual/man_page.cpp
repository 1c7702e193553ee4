#include "cli/manual/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/manual/help_text.h"

namespace ferrum::cli {
namespace {

// Escapes backslashes, hyphens (which roff would typeset as dashes), and dots and quotes at the start of a
// line (which begin requests).
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string head(const Manual& manual, const CommandEntry& command) {
  std::string title = page_name(command);
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
  return fmt::format(
      ".TH {} 1 \"\" \"Ferrum {}\" \"Ferrum\"\n.nh\n.ad l\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n",
      roff(title), manual.version, roff(page_name(command)), roff(command.summary), roff(command.usage));
}

std::string entry_text(const OptionEntry& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty()) tag += (tag.empty() ? "" : " ") + italic(option.value);
  return fmt::format(".TP\n{}\n{}\n", tag, roff(help_of(option)));
}

std::string options_text(const CommandEntry& command) {
  std::string text;
  if (!command.arguments.empty()) text += ".SH ARGUMENTS\n";
  for (const OptionEntry& argument : command.arguments) text += entry_text(argument);
  std::vector<std::string> groups;
  for (const OptionEntry& option : command.options)
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  if (!groups.empty()) text += ".SH OPTIONS\n";
  for (const std::string& group : groups) {
    if (groups.size() > 1) text += ".SS " + roff(group) + "\n";
    for (const OptionEntry& option : command.options)
      if (option.group == group) text += entry_text(option);
  }
  return text;
}

std::string explanation_text(const CommandEntry& command) {
  const std::vector<std::string> paragraphs = paragraphs_of(command.explanation);
  if (paragraphs.empty()) return "";
  std::string text = ".SH DESCRIPTION\n";
  for (size_t i = 0; i < paragraphs.size(); ++i) text += (i ? ".PP\n" : "") + roff(paragraphs[i]) + "\n";
  return text;
}

std::string examples_text(const CommandEntry& command) {
  if (command.examples.empty()) return "";
  std::string text = ".SH EXAMPLES\n.nf\n";
  for (const std::string& example : command.examples) text += roff(example) + "\n";
  return text + ".fi\n";
}

// The environment variables of `commands`, each with its options.
std::string environment_text(const std::vector<CommandEntry>& commands) {
  std::map<std::string, std::vector<std::string>> meanings;
  for (const CommandEntry& command : commands)
    for (const OptionEntry& option : command.options) {
      if (option.environment.empty()) continue;
      std::vector<std::string>& names = meanings[option.environment];
      if (std::find(names.begin(), names.end(), option.names.back()) == names.end())
        names.push_back(option.names.back());
    }
  std::string text = ".SH ENVIRONMENT\n";
  for (const auto& [variable, options] : meanings)
    text +=
        fmt::format(".TP\n{}\nAs {}.\n", bold(variable), roff(fmt::format("{}", fmt::join(options, ", "))));
  for (const auto& [variable, meaning] :
       {std::pair("NO_COLOR",
                  "If set and not empty, output is not coloured. Output that is not a terminal never is.")})
    text += fmt::format(".TP\n{}\n{}\n", bold(variable), roff(meaning));
  return text;
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string text = ".SH SEE ALSO\n";
  for (size_t i = 0; i < pages.size(); ++i)
    text += fmt::format("{}(1){}\n", bold(pages[i]), i + 1 < pages.size() ? "," : "");
  return text;
}

}  // namespace

std::string page_name(const CommandEntry& command) {
  return command.name.empty() ? "ferrum" : "ferrum-" + command.name;
}

std::string man_page(const Manual& manual) {
  std::string text = head(manual, manual.program) + explanation_text(manual.program) + ".SH COMMANDS\n";
  std::string group;
  std::vector<std::string> pages;
  for (const CommandEntry& command : manual.commands) {
    if (command.group != group) text += ".SS " + roff(group = command.group) + "\n";
    text += fmt::format(".TP\n{}\n{}\n", bold(command.name), roff(command.summary));
    pages.push_back(page_name(command));
  }
  return text + options_text(manual.program) + environment_text(manual.commands) +
         examples_text(manual.program) + see_also(pages);
}

std::string man_page(const Manual& manual, const CommandEntry& command) {
  return head(manual, command) + explanation_text(command) + options_text(command) +
         environment_text({command}) + examples_text(command) + see_also({page_name(manual.program)});
}

}  // namespace ferrum::cli
