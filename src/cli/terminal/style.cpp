#include "cli/terminal/style.h"

#include <fmt/core.h>

#include "base/terminal.h"

namespace ferrum::cli {

Style Style::of(int descriptor) { return Style(shows_colours(descriptor) ? Colours::kAnsi : Colours::kNone); }

std::string Style::coloured(std::string_view code, std::string_view text) const {
  if (colours_ == Colours::kNone || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace ferrum::cli
