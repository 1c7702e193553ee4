#include "cli/usage_mistake.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/manual/manual.h"
#include "cli/similar.h"

namespace ferrum::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Names that similar programs have for our commands.
constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"chat", "run"},        {"generate", "run"},      {"download", "pull"},   {"get", "pull"},
    {"ls", "list"},         {"models", "list"},       {"remove", "rm"},       {"delete", "rm"},
    {"info", "inspect"},    {"start", "serve"},       {"server", "serve"},    {"benchmark", "bench"},
    {"encode", "tokenize"}, {"decode", "detokenize"}, {"quantize", "convert"}};

std::string no_such_command(const CLI::App& app, const std::string& name) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  std::string meant = did_you_mean(name, names);
  for (const auto& [elsewhere, here] : kElsewhere)
    if (name == elsewhere) meant = fmt::format("; did you mean {}?", here);
  return fmt::format("there is no command {}{}", in_quotes(name), meant);
}

bool has_command(const CLI::App& app, const std::string& name) {
  return !app.get_subcommands([&](const CLI::App* command) { return command->check_name(name); }).empty();
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

bool has_option(const CLI::App& command, const std::string& name) {
  const std::vector<std::string> names = option_names(command);
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_option(std::string_view arg) { return arg.size() > 1 && arg.front() == '-'; }

// The command named on the command line; nullptr if there is none.
const CLI::App* command_on(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? nullptr : parsed.front();
}

std::string called(const CLI::App* command) { return command ? "ferrum " + command->get_name() : "ferrum"; }

// Whether MODEL is an argument of the command; in similar programs it is often an option.
bool takes_model(const CLI::App& command) {
  const std::vector<OptionEntry> options = command_entry(command).arguments;
  return std::any_of(options.begin(), options.end(), [](const OptionEntry& o) { return o.value == "MODEL"; });
}

// The message for an option that `command` lacks (nullptr: it precedes any command).
std::string no_such_option(const CLI::App& app, const CLI::App* command, std::string_view arg) {
  const std::string name(arg.substr(0, arg.find('=')));
  std::vector<std::string> there = option_names(app);
  if (command) {
    const std::vector<std::string> own = option_names(*command);
    there.insert(there.begin(), own.begin(), own.end());
  }
  const std::string message = fmt::format("there is no option {}", name);
  if (command && (name == "-m" || name == "--model") && takes_model(*command))
    return fmt::format("{}; MODEL is an argument: {}", message, command_entry(*command).usage);
  if (const std::string meant = did_you_mean(name, there); !meant.empty()) return message + meant;
  for (const CLI::App* other : commands_of(app))
    if (has_option(*other, name)) return fmt::format("{}; {} has it", message, called(other));
  return message;
}

// Options before the command belong to the program, and the first word is the command.
std::string mistake_before_the_command(const CLI::App& app, std::span<char* const> args) {
  for (const std::string_view arg : args) {
    const std::string word(arg);
    if (!is_option(arg)) return has_command(app, word) ? "" : no_such_command(app, word);
    if (!has_option(app, word)) return no_such_option(app, nullptr, arg);
  }
  return "";
}

bool is_on_command_line(const CLI::Option& option, std::span<char* const> args) {
  return std::any_of(args.begin(), args.end(), [&](std::string_view arg) {
    const auto begins = [&](const char* dashes, const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(),
                         [&](const std::string& name) { return arg.starts_with(dashes + name); });
    };
    return begins("--", option.get_lnames()) || begins("-", option.get_snames());
  });
}

// CLI11 reports invalid values under the option's name, even if the value came from its environment variable.
std::string naming_its_source(const std::string& message, const CLI::App* command,
                              std::span<char* const> args) {
  if (!command) return message;
  for (const CLI::Option* option : command->get_options())
    if (!option->get_envname().empty() && message.starts_with(option->get_name() + ": ") &&
        !is_on_command_line(*option, args))
      return option->get_envname() + message.substr(option->get_name().size());
  return message;
}

// The message for unmatched words: an unknown option, or else a surplus argument.
std::string unexpected(const CLI::App& app, const CLI::App* command, const std::vector<std::string>& words,
                       std::span<char* const> args) {
  const auto is_unexpected = [&](std::string_view arg) {
    return std::find(words.begin(), words.end(), arg) != words.end();
  };
  for (const std::string_view arg : args)
    if (is_option(arg) && is_unexpected(arg)) return no_such_option(app, command, arg);
  const auto first = std::find_if(args.begin(), args.end(), is_unexpected);
  const std::string word = first == args.end() ? words.front() : *first;
  return fmt::format("{} is one argument too many: {}", in_quotes(word),
                     command_entry(command ? *command : app).usage);
}

// The message for CLI11's "Could not convert: --repetitions = many".
std::string invalid_number(const std::string& message) {
  const size_t name = message.find("--");
  const size_t equals = message.find(" = ", name);
  if (equals == std::string::npos) return message;
  return fmt::format("{}: {} is not a valid number", message.substr(name, equals - name),
                     in_quotes(message.substr(equals + 3)));
}

std::string message_of(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args) {
  if (std::string mistake = mistake_before_the_command(app, args); !mistake.empty()) return mistake;
  const CLI::App* const command = command_on(app);
  const std::string message = error.what();
  // The missing option may be a misspelled one.
  const std::vector<std::string> unknown = app.remaining(true);
  const bool is_missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!unknown.empty() && (is_missing || dynamic_cast<const CLI::ExtrasError*>(&error)))
    return unexpected(app, command, unknown, args);
  if (is_missing && command) return fmt::format("{}: {}", message, command_entry(*command).usage);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) && message.ends_with(" missing"))
    return message.substr(0, message.find(": ")) + ": a value is missing";
  if (dynamic_cast<const CLI::ConversionError*>(&error)) return invalid_number(message);
  if (dynamic_cast<const CLI::ValidationError*>(&error)) return naming_its_source(message, command, args);
  return message;
}

}  // namespace

CLI::Validator a_command(const CLI::App& app) {
  return {
      [&app](const std::string& name) { return has_command(app, name) ? "" : no_such_command(app, name); },
      ""};
}

std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args) {
  return fmt::format("{}\nSee {} --help.", message_of(app, error, args), called(command_on(app)));
}

}  // namespace ferrum::cli
