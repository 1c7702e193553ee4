#include "cli/terminal/input_history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

namespace ferrum::cli {
namespace {

constexpr size_t kKept = 1000;    // entries
constexpr size_t kInFile = 2000;  // entries at which the file is cut to kKept
constexpr const char* kLibeditHeader = "_HiStOrY_V2_";

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string escaped(std::string_view entry) {
  std::string line;
  for (const char c : entry) {
    if (c == '\n')
      line += "\\n";
    else if (c == '\\')
      line += "\\\\";
    else
      line += c;
  }
  return line + '\n';
}

// \040 is how libedit writes a space.
std::string unescaped(std::string_view line) {
  std::string entry;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 >= line.size()) {
      entry += line[i];
    } else if (i + 3 < line.size() && is_octal(line[i + 1]) && is_octal(line[i + 2]) &&
               is_octal(line[i + 3])) {
      entry += static_cast<char>((line[i + 1] - '0') * 64 + (line[i + 2] - '0') * 8 + (line[i + 3] - '0'));
      i += 3;
    } else {
      ++i;
      entry += line[i] == 'n' ? '\n' : line[i];
    }
  }
  return entry;
}

// Appends to the file, or replaces its contents. A short write loses only a line of history.
void write_private(const std::filesystem::path& file, const std::string& bytes, int how) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | how, 0600);
  if (descriptor < 0) return;
  struct stat state {};
  if (fstat(descriptor, &state) == 0 && S_ISREG(state.st_mode)) {
    if ((state.st_mode & 0777) != 0600) fchmod(descriptor, 0600);
    [[maybe_unused]] const ssize_t written = write(descriptor, bytes.data(), bytes.size());
  }
  close(descriptor);
}

}  // namespace

InputHistory::InputHistory(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code ignored;
  if (!file_.empty() && std::filesystem::is_regular_file(file_, ignored)) load();
}

void InputHistory::load() {
  std::ifstream in(file_, std::ios::binary);
  bool of_libedit = false;
  for (std::string line; std::getline(in, line);) {
    if (entries_.empty() && line == kLibeditHeader)
      of_libedit = true;
    else if (!line.empty())
      entries_.push_back(unescaped(line));
  }
  const bool too_long = entries_.size() > kInFile;
  if (entries_.size() > kKept) entries_.erase(entries_.begin(), entries_.end() - static_cast<long>(kKept));
  if (too_long || of_libedit) rewrite();
}

void InputHistory::rewrite() const {
  std::string all;
  for (const std::string& entry : entries_) all += escaped(entry);
  write_private(file_, all, O_TRUNC);
}

void InputHistory::add(const std::string& entry) {
  if (entry.find_first_not_of(" \t\n") == std::string::npos) return;
  if (!entries_.empty() && entries_.back() == entry) return;
  entries_.push_back(entry);
  if (file_.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  write_private(file_, escaped(entry), O_APPEND);
}

std::optional<size_t> InputHistory::find_before(size_t end, std::string_view text) const {
  for (size_t i = end; i-- > 0;)
    if (entries_[i].find(text) != std::string::npos) return i;
  return std::nullopt;
}

std::filesystem::path default_history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::filesystem::path(state) / "ferrum" / "history";
  const char* home = std::getenv("HOME");
  if (home && *home) return std::filesystem::path(home) / ".local" / "state" / "ferrum" / "history";
  return {};
}

}  // namespace ferrum::cli
