// Messages to the user beside the model's output.
#pragma once
#include <string>

namespace ferrum::cli {

// Writes lines to standard error, as note() does. On a terminal, words are kept whole at the margin.
void print_message(const std::string& text);

}  // namespace ferrum::cli
