// ferrum completions: scripts that complete its command line.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/manual/completions.h"
#include "cli/options.h"

namespace ferrum::cli {

void add_completions(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand("completions", "Print a shell completion script");
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(one_of({"bash", "zsh", "fish"}));
  command.footer(
      "Packages install these scripts where shells find them; otherwise a shell reads one at its start.\n\n"
      "Examples:\n"
      "  ferrum completions bash > ~/.local/share/bash-completion/completions/ferrum\n"
      "  ferrum completions zsh > ~/.zsh/_ferrum     # a folder of $fpath\n"
      "  ferrum completions fish > ~/.config/fish/completions/ferrum.fish");
  command.callback([&app, shell] {
    const Manual manual = manual_of(app);
    fmt::print("{}", *shell == "bash"  ? bash_completions(manual)
                     : *shell == "zsh" ? zsh_completions(manual)
                                       : fish_completions(manual));
  });
}

}  // namespace ferrum::cli
