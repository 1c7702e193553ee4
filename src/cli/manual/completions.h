// Scripts that complete Ferrum's command line in a shell. Each knows commands, options, the values of those
// that have a list of them, and where files belong.
#pragma once
#include <string>

#include "cli/manual/manual.h"

namespace ferrum::cli {

std::string bash_completions(const Manual& manual);  // bash's `complete -F`; needs no package of helpers
std::string zsh_completions(const Manual& manual);   // an autoloaded function, see zshcompsys(1)
std::string fish_completions(const Manual& manual);

// Prints the names of local models, one per line; empty where Ferrum has no command for it.
std::string lists_model_names(const Manual& manual);

}  // namespace ferrum::cli
