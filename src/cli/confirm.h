// Yes-or-no questions on the terminal.
#pragma once
#include <string>

namespace ferrum::cli {

enum class DefaultAnswer { kYes, kNo };  // the meaning of Enter alone

// Writes the question to standard error and reads the answer from standard input. End of input means no.
bool confirm(const std::string& question, DefaultAnswer default_answer);

}  // namespace ferrum::cli
