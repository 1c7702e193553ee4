// The output of --help.
#pragma once
#include <string>

#include "cli/manual/manual.h"
#include "cli/terminal/style.h"

namespace ferrum::cli {

struct HelpLayout {
  int columns = 100;
  Style style = Style::plain();
};

HelpLayout layout_of(int descriptor);  // as wide as its terminal, up to a readable width

std::string help_text(const CommandEntry& command, const HelpLayout& layout);
// Help of the program itself: its commands by group.
std::string help_text(const Manual& manual, const HelpLayout& layout);

// An option's help with its notes: "must be a whole number (default: 8000; FERRUM_PORT)".
std::string help_of(const OptionEntry& option);

}  // namespace ferrum::cli
