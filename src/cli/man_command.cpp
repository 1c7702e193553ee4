// ferrum man: prints its manual pages.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/output_file.h"
#include "cli/command.h"
#include "cli/manual/man_page.h"
#include "cli/options.h"
#include "cli/usage_mistake.h"

namespace ferrum::cli {
namespace {

struct ManOptions {
  std::string command;
  std::filesystem::path folder;
};

void write_all(const Manual& manual, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const CommandEntry& command, const std::string& page) {
    OutputFile file(folder / (page_name(command) + ".1"), page.size());
    file.write(std::as_bytes(std::span(page)));
    file.commit();
  };
  write(manual.program, man_page(manual));
  for (const CommandEntry& command : manual.commands) write(command, man_page(manual, command));
}

}  // namespace

void add_man(CLI::App& app) {
  auto o = std::make_shared<ManOptions>();
  CLI::App& command = *app.add_subcommand("man", "Print a manual page");
  command.add_option("COMMAND", o->command, "A command; default: ferrum itself")->check(a_command(app));
  command.add_option("--to", o->folder, "Write all pages to this folder instead")->check(a_name());
  command.footer(
      "Packages install the pages, for man ferrum-run.\n\n"
      "Examples:\n"
      "  ferrum man run | man -l -\n"
      "  ferrum man --to ~/.local/share/man/man1");
  command.callback([&app, o] {
    const Manual manual = manual_of(app);
    if (!o->folder.empty()) return write_all(manual, o->folder);
    for (const CommandEntry& entry : manual.commands)
      if (entry.name == o->command) fmt::print("{}", man_page(manual, entry));
    if (o->command.empty()) fmt::print("{}", man_page(manual));
  });
}

}  // namespace ferrum::cli
