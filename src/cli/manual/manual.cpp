#include "cli/manual/manual.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "cli/manual/version.h"

namespace ferrum::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string value_name(const std::string& type, bool is_file) {
  if (is_file && type == "TEXT") return "FILE";
  if (type == "INT" || type == "UINT") return "N";
  if (type == "FLOAT") return "NUMBER";
  return type.empty() ? "TEXT" : type;
}

// CLI11 stores a type and its validators' descriptions as "TEXT:FILE" or "TEXT:{cpu,reference}".
void read_type(const std::string& description, OptionEntry& entry) {
  std::string type = description.substr(0, description.find(':'));
  const std::string validators = description.substr(std::min(description.size(), type.size() + 1));
  const bool is_file = validators.find("FILE") != std::string::npos;
  const size_t open = validators.find('{');
  const size_t close = validators.find('}', open);
  entry.kind = ValueKind::kText;
  if (close != std::string::npos) {
    entry.kind = ValueKind::kChoice;
    entry.choices = split(validators.substr(open + 1, close - open - 1), ',');
    entry.value = fmt::format("{}", fmt::join(entry.choices, "|"));
    return;
  }
  entry.value = value_name(type, is_file);
  if (entry.value == "MODEL")
    entry.kind = ValueKind::kModel;
  else if (entry.value == "NAME=PATH")
    entry.kind = ValueKind::kNamedModel;
  else if (is_file || entry.value == "FILE")
    entry.kind = ValueKind::kFile;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry;
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  entry.help = option.get_description();
  entry.group = option.get_group();
  entry.environment = option.get_envname();
  entry.required = option.get_required();
  for (const CLI::Option* other : option.get_excludes()) entry.excludes.push_back(other->get_name());
  for (const CLI::Option* other : option.get_needs()) entry.needs.push_back(other->get_name());
  std::sort(entry.excludes.begin(), entry.excludes.end());  // CLI11 orders them by address
  std::sort(entry.needs.begin(), entry.needs.end());
  if (option.get_items_expected_max() == 0) return entry;
  read_type(option.get_type_name(), entry);
  entry.default_value = option.get_default_str();
  entry.repeated = option.get_expected_max() == CLI::detail::expected_max_vector_size;
  return entry;
}

// A positional argument is identified by its name in the usage line, and its value has the same name.
OptionEntry argument_of(const CLI::Option& option) {
  OptionEntry entry = entry_of(option);
  entry.names.clear();
  entry.value = option.get_name(true);
  entry.default_value.clear();
  if (entry.value == "MODEL") entry.kind = ValueKind::kModel;
  if (entry.value == "NAME") entry.kind = ValueKind::kModelName;
  if (entry.value == "COMMAND") entry.kind = ValueKind::kCommand;
  return entry;
}

std::string in_brackets(const OptionEntry& argument) {
  const std::string shown = argument.value + (argument.repeated ? "..." : "");
  return argument.required ? shown : "[" + shown + "]";
}

std::string usage_of(const CommandEntry& command, bool has_commands) {
  std::string usage = "ferrum" + (command.name.empty() ? "" : " " + command.name);
  if (command.options.size() > 1) usage += " [OPTIONS]";  // more than --help
  for (const OptionEntry& argument : command.arguments) usage += " " + in_brackets(argument);
  return has_commands ? usage + " COMMAND" : usage;
}

// A footer consists of an explanation, then "Examples:" and an indented line for each example.
void read_footer(const std::string& footer, CommandEntry& command) {
  size_t heading = footer.find("Examples:\n");
  if (heading == std::string::npos) heading = footer.find("Example:\n");
  command.explanation = footer.substr(0, heading);
  if (heading == std::string::npos) return;
  for (const std::string& line : split(footer.substr(footer.find('\n', heading) + 1), '\n')) {
    const size_t text = line.find_first_not_of(' ');
    if (text != std::string::npos) command.examples.push_back(line.substr(std::min<size_t>(text, 2)));
  }
}

}  // namespace

CommandEntry command_entry(const CLI::App& app) {
  CommandEntry command;
  if (app.get_parent()) command.name = app.get_name();
  command.group = app.get_group();
  command.summary = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    if (option->get_positional()) command.arguments.push_back(argument_of(*option));
    if (option->nonpositional()) command.options.push_back(entry_of(*option));
  }
  const auto has_name = [](const CLI::App* sub) { return !sub->get_name().empty(); };
  command.usage = usage_of(command, !app.get_subcommands(has_name).empty());
  read_footer(app.get_footer(), command);
  return command;
}

Manual manual_of(const CLI::App& app) {
  Manual manual = {.version = kVersion, .program = command_entry(app), .commands = {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    manual.commands.push_back(command_entry(*command));
  return manual;
}

std::vector<std::string> paragraphs_of(const std::string& text) {
  std::vector<std::string> paragraphs;
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) paragraphs.push_back(paragraph);
    paragraph.clear();
  };
  for (const std::string& line : split(text, '\n')) {
    if (line.empty())
      end_paragraph();
    else
      paragraph += (paragraph.empty() ? "" : " ") + line;
  }
  end_paragraph();
  return paragraphs;
}

}  // namespace ferrum::cli
