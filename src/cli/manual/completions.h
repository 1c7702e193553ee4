// Shell completion scripts for Ferrum's command line: commands, options, values that have a list of choices,
// and files.
#pragma once
#include <string>

#include "cli/manual/manual.h"

namespace ferrum::cli {

// Bash's `complete -F`; does not need the bash-completion package.
std::string bash_completions(const Manual& manual);
std::string zsh_completions(const Manual& manual);  // an autoloaded function, see zshcompsys(1)
std::string fish_completions(const Manual& manual);

// A command that prints the names of local models, one per line; empty if Ferrum has no such command.
std::string lists_model_names(const Manual& manual);

}  // namespace ferrum::cli
