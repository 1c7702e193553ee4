// Yes-or-no questions at the terminal.
#pragma once
#include <string>

namespace ferrum::cli {

enum class Otherwise { kYes, kNo };  // what Enter alone means

// Writes the question to standard error and reads the answer from standard input. End of input means no.
bool says_yes(const std::string& question, Otherwise otherwise);

}  // namespace ferrum::cli
