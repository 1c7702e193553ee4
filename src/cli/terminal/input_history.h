// Earlier entries, oldest first, stored one per line in a file that only its owner can read. Line breaks in
// an entry are written as \n, backslashes as \\.
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
  // If `file` is empty, nothing is stored. A file that cannot be read or written is not an error. Files
  // written by libedit can be read as well.
  explicit InputHistory(std::filesystem::path file);

  size_t size() const { return entries_.size(); }
  const std::string& operator[](size_t i) const { return entries_[i]; }
  // Adds an entry, also at the end of the file. Blank entries and repetitions of the last one are not added.
  void add(const std::string& entry);
  // The last entry before `end` that contains `text`.
  std::optional<size_t> find_before(size_t end, std::string_view text) const;

 private:
  void load();
  void rewrite() const;

  std::filesystem::path file_;
  std::vector<std::string> entries_;
};

// The user's history file: $XDG_STATE_HOME/ferrum/history, else ~/.local/state/ferrum/history; empty without
// a home folder.
std::filesystem::path default_history_file();

}  // namespace ferrum::cli
