// The rows at the end of a terminal's output that may still change. Each change is turned into the escape
// sequences that rewrite only what differs; rows that are settled are released and never touched again.
#pragma once
#include <string>
#include <vector>

#include "cli/terminal/cells.h"

namespace ferrum::cli {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

// A place in the live rows: columns are counted from 0.
struct Position {
  int row = 0;
  int column = 0;
};

class LiveRows {
 public:
  // What to write so that the terminal shows `rows`, none wider than the terminal, with the cursor after
  // their last cell or at `cursor`. The first call assumes a cursor at the beginning of an empty row. Where
  // the terminal's width has changed, it is taken to have broken the rows anew, as most terminals do. Rows
  // that have scrolled off the screen stay as they are.
  std::string show(std::vector<Row> rows, TerminalSize size);
  std::string show(std::vector<Row> rows, TerminalSize size, Position cursor);

  // The first `count` rows are settled. At least one row stays live.
  void release(size_t count);

 private:
  std::string move_to(Position target);
  std::string erase_after_resize(int columns);

  std::vector<Row> rows_ = {Row()};
  Position cursor_;
  int columns_ = 0;  // 0: nothing was shown yet
};

}  // namespace ferrum::cli
