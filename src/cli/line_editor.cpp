#include "cli/line_editor.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>

namespace ferrum::cli {
namespace {

constexpr int kHistorySize = 1000;

// libedit asks for the prompt through a plain function and hands it the client data.
char* prompt_of(EditLine* editor) {
  const std::string* prompt = nullptr;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return const_cast<char*>(prompt->c_str());
}

}  // namespace

LineEditor::LineEditor(std::string prompt, std::filesystem::path history_file)
    : prompt_(std::move(prompt)), current_prompt_(prompt_), history_file_(std::move(history_file)) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  terminal_ = stderr;  // standard output is the model's alone
  editor_ = el_init("ferrum", stdin, terminal_, stderr);
  history_ = history_init();
  HistEvent event;
  ::history(history_, &event, H_SETSIZE, kHistorySize);
  ::history(history_, &event, H_SETUNIQUE, 1);
  if (!history_file_.empty() && std::filesystem::exists(history_file_))
    ::history(history_, &event, H_LOAD, history_file_.c_str());
  el_set(editor_, EL_CLIENTDATA, &current_prompt_);
  el_set(editor_, EL_PROMPT, prompt_of);
  el_set(editor_, EL_EDITOR, "emacs");
  el_set(editor_, EL_HIST, ::history, history_);
  // While a line is edited, Ctrl-C is a key that wipes it, and no signal.
  el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
  // Between lines the keys wait as they were typed, unseen: were the terminal to gather lines of its own
  // then, it would keep a Ctrl-D for itself and hand on a NUL. Ctrl-C is a signal there.
  el_set(editor_, EL_SETTY, "-x", "-icanon", "-echo", nullptr);
  el_set(editor_, EL_BIND, "^C", "em-kill-line", nullptr);
  el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(editor_, nullptr);  // the user's ~/.editrc
}

LineEditor::~LineEditor() {
  history_end(history_);
  el_end(editor_);
}

std::optional<std::string> LineEditor::read_line() {
  int count = 0;
  const char* line = el_gets(editor_, &count);
  if (!line || count <= 0) return std::nullopt;
  std::string text(line, static_cast<size_t>(count));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::optional<std::string> LineEditor::read() {
  constexpr std::string_view kFence = "\"\"\"";
  current_prompt_ = prompt_;
  std::optional<std::string> text = read_line();
  if (!text) return std::nullopt;
  if (text->starts_with(kFence)) {
    std::string block = text->substr(kFence.size());
    current_prompt_ = std::string(prompt_.size() - 1, '.') + ' ';
    while (!block.ends_with(kFence)) {
      const std::optional<std::string> line = read_line();
      if (!line) break;
      block += '\n' + *line;
    }
    if (block.ends_with(kFence)) block.resize(block.size() - kFence.size());
    return block;
  }
  remember(*text);
  return text;
}

void LineEditor::remember(const std::string& text) {
  if (text.find_first_not_of(" \t") == std::string::npos) return;
  HistEvent event;
  ::history(history_, &event, H_ENTER, text.c_str());
  if (history_file_.empty()) return;
  std::error_code ignored;  // a history that cannot be kept is no reason to stop talking
  std::filesystem::create_directories(history_file_.parent_path(), ignored);
  ::history(history_, &event, H_SAVE, history_file_.c_str());
}

std::filesystem::path default_history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::filesystem::path(state) / "ferrum" / "history";
  const char* home = std::getenv("HOME");
  if (home && *home) return std::filesystem::path(home) / ".local" / "state" / "ferrum" / "history";
  return {};
}

}  // namespace ferrum::cli
