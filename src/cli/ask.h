// Asking at the terminal.
#pragma once
#include <string>

namespace ferrum::cli {

enum class Otherwise { kYes, kNo };  // what Enter alone means

// Asks on standard error and reads a line of standard input; its end is a no.
bool says_yes(const std::string& question, Otherwise otherwise);

}  // namespace ferrum::cli
