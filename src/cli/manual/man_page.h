// Manual pages in the macros of man(7).
#pragma once
#include <string>

#include "cli/manual/manual.h"

namespace ferrum::cli {

std::string man_page(const Manual& manual);                               // ferrum(1)
std::string man_page(const Manual& manual, const CommandEntry& command);  // ferrum-run(1)
std::string page_name(const CommandEntry& command);                       // "ferrum-run"

}  // namespace ferrum::cli
