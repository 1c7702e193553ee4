#include "cli/message.h"

#include <unistd.h>

#include <limits>
#include <sstream>

#include "base/terminal.h"
#include "cli/notes.h"
#include "cli/terminal/cells.h"

namespace ferrum::cli {

void print_message(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const int columns = columns_of(STDERR_FILENO, std::numeric_limits<int>::max());
    for (const Row& row : wrap_words(cells_of(line), columns)) {
      std::string shown;
      for (const Cell& cell : row) shown += cell.text;
      note("{}\n", shown);
    }
  }
}

}  // namespace ferrum::cli
