// ferrum help COMMAND: the same as ferrum COMMAND --help.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/manual/help_text.h"
#include "cli/usage_mistake.h"

namespace ferrum::cli {

void add_help(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand("help", "Show a command's help");
  command.add_option("COMMAND", *name, "A command; default: an overview of all commands")
      ->check(a_command(app));
  command.footer(
      "Examples:\n"
      "  ferrum help\n"
      "  ferrum help run");
  command.callback([&app, name] {
    const HelpLayout layout = layout_of(STDOUT_FILENO);
    fmt::print("{}", name->empty() ? help_text(manual_of(app), layout)
                                   : help_text(command_entry(*app.get_subcommand(*name)), layout));
  });
}

}  // namespace ferrum::cli
