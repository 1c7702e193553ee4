// Markdown inside one line: emphasis, code, links. Emphasis follows CommonMark 0.31 (section 6.2).
#pragma once
#include <string_view>

#include "cli/terminal/cells.h"

namespace ferrum::cli {

enum class Colours { kNone, kAnsi };

// kGrowing: the line is incomplete. Markup that is open at the end is shown as if it closed there, so that
// the row rarely changes when it does close.
enum class LineState { kWhole, kGrowing };

// The cells of `text`, with markup replaced by styles. Without colours, code keeps its backticks.
Row inline_cells(std::string_view text, const TextStyle& base, Colours colours,
                 LineState state = LineState::kWhole);

constexpr int kCodeColour = 36;

}  // namespace ferrum::cli
