// The last rows of a terminal's output, which may still change. Each change becomes the escape sequences that
// rewrite only the difference; settled rows are released and never touched again.
#pragma once
#include <string>
#include <vector>

#include "cli/terminal/cells.h"

namespace ferrum::cli {

// What a terminal does with rows that are wider than its window after it became narrower.
enum class Narrowing {
  kWraps,  // breaks them anew, as most terminals do
  kCuts    // each stays one row without its end, and the cursor stays in the window: xterm, GNU screen
};

struct TerminalSize {
  int columns = 80;
  int rows = 24;
  Narrowing narrowing = Narrowing::kWraps;
};

// A position in the live rows. Columns are counted from 0.
struct Position {
  int row = 0;
  int column = 0;
};

class LiveRows {
 public:
  // The bytes after which the terminal shows `rows`, none wider than the terminal, with the cursor after
  // their last cell or at `cursor`. The first call assumes a cursor at the beginning of an empty row. After a
  // change of the terminal's width, all rows are written anew. Rows that have scrolled off the screen stay as
  // they are.
  std::string show(std::vector<Row> rows, TerminalSize size);
  std::string show(std::vector<Row> rows, TerminalSize size, Position cursor);

  // Settles the first `count` rows. At least one row must stay live.
  void release(size_t count);

 private:
  std::string move_to(Position target);
  std::string erase_after_resize(TerminalSize size);

  std::vector<Row> rows_ = {Row()};
  Position cursor_;
  int columns_ = 0;  // 0: nothing has been shown yet
};

}  // namespace ferrum::cli
