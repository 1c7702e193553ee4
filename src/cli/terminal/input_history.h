// What was entered before, oldest first, kept in a file of one entry per line that only its owner may read.
// Line breaks in an entry are written as \n, backslashes as \\.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::cli {

class InputHistory {
 public:
  // `file` may be empty: nothing is kept then. A file that cannot be read or written is no error. A file that
  // libedit wrote is read as well.
  explicit InputHistory(std::filesystem::path file);

  size_t size() const { return entries_.size(); }
  const std::string& operator[](size_t i) const { return entries_[i]; }
  // Adds an entry, here and at the end of the file. An entry that repeats the last one, or is blank, is not
  // added.
  void add(const std::string& entry);
  // The last entry before `end` that has `text` in it.
  std::optional<size_t> find_before(size_t end, std::string_view text) const;

 private:
  void load();
  void rewrite() const;

  std::filesystem::path file_;
  std::vector<std::string> entries_;
};

// Where a user's history belongs: $XDG_STATE_HOME/ferrum/history, else ~/.local/state/ferrum/history; empty
// without a home.
std::filesystem::path default_history_file();

}  // namespace ferrum::cli
