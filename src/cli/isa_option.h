// --isa: a lesser instruction set than the best, for the whole process (base/isa_choice.h).
#pragma once
#include <CLI/CLI.hpp>

namespace ferrum::cli {

void add_isa_option(CLI::App& command);  // add_backend_options adds it as well

}  // namespace ferrum::cli
