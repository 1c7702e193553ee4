// What --help prints.
#pragma once
#include <string>

#include "cli/manual/manual.h"
#include "cli/style.h"

namespace ferrum::cli {

struct HelpLayout {
  int columns = 100;
  Style style = Style::plain();
};

HelpLayout layout_of(int descriptor);  // as wide as its terminal, up to what is easy to read

std::string help_text(const CommandEntry& command, const HelpLayout& layout);
// Of the program itself: its commands by their groups.
std::string help_text(const Manual& manual, const HelpLayout& layout);

// "must be a whole number (default: 8000; FERRUM_PORT)": an option's help with its notes.
std::string help_of(const OptionEntry& option);

}  // namespace ferrum::cli
