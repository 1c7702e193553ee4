#include "cli/terminal/edit_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ferrum::cli {
namespace {

constexpr int kSuggestionRows = 6;

// Keys that only move the cursor or erase.
using Edit = void (EditBuffer::*)();

Edit edit_of(Key key) {
  static constexpr std::pair<Key, Edit> kEdits[] = {
      {Key::kBackspace, &EditBuffer::erase_left},
      {Key::kDelete, &EditBuffer::erase_right},
      {Key::kLeft, &EditBuffer::left},
      {Key::kRight, &EditBuffer::right},
      {Key::kHome, &EditBuffer::line_begin},
      {Key::kEnd, &EditBuffer::line_end},
      {Key::kWordLeft, &EditBuffer::word_left},
      {Key::kWordRight, &EditBuffer::word_right},
      {Key::kEraseWordLeft, &EditBuffer::erase_word_left},
      {Key::kEraseWordRight, &EditBuffer::erase_word_right},
  };
  const auto* const found = std::ranges::find(kEdits, key, &std::pair<Key, Edit>::first);
  return found == std::end(kEdits) ? nullptr : found->second;
}

// The same for Ctrl and a letter.
Edit edit_of(char letter) {
  static constexpr std::pair<char, Edit> kEdits[] = {
      {'a', &EditBuffer::line_begin},
      {'b', &EditBuffer::left},
      {'d', &EditBuffer::erase_right},
      {'e', &EditBuffer::line_end},
      {'f', &EditBuffer::right},
      {'k', &EditBuffer::erase_to_line_end},
      {'u', &EditBuffer::erase_to_line_begin},
      {'w', &EditBuffer::erase_word_left},
      {'y', &EditBuffer::yank},
  };
  const auto* const found = std::ranges::find(kEdits, letter, &std::pair<char, Edit>::first);
  return found == std::end(kEdits) ? nullptr : found->second;
}

std::string common_beginning(const std::vector<std::string>& texts) {
  std::string common = texts.front();
  for (const std::string& text : texts) {
    const auto [end, other] = std::mismatch(common.begin(), common.end(), text.begin(), text.end());
    common.erase(end, common.end());
  }
  // Does not split a character.
  size_t whole = 0;
  while (whole < common.size()) {
    const size_t size = grapheme_size(std::string_view(common).substr(whole));
    if (!texts.front().substr(whole).starts_with(common.substr(whole, size))) break;
    whole += size;
  }
  return common.substr(0, whole);
}

// The prefix of the lines below the prompt: "... " under ">>> ".
std::string continuation_of(const std::string& prompt) {
  const auto width = static_cast<size_t>(width_of(cells_of(prompt)));
  return width > 0 ? std::string(width - 1, '.') + ' ' : "";
}

// The rows of the prompt and the text, wrapped at the margin, and the position of the cursor, which is at
// `cursor` bytes.
EditSession::View layout(const std::string& prompt, const std::string& continuation, std::string_view text,
                         size_t cursor, int columns) {
  EditSession::View view;
  const TextStyle prompt_style = {.bold = true};
  view.rows.push_back(cells_of(prompt, prompt_style));
  int width = width_of(view.rows.back());
  const auto new_row = [&](const std::string& begin) {
    view.rows.push_back(cells_of(begin, prompt_style));
    width = width_of(view.rows.back());
  };
  for (size_t at = 0;;) {
    if (width >= columns) new_row("");
    if (at == cursor) view.cursor = {static_cast<int>(view.rows.size()) - 1, width};
    if (at >= text.size()) return view;
    if (text[at] == '\n') {
      new_row(continuation);
      ++at;
      continue;
    }
    const size_t size = grapheme_size(text.substr(at));
    for (Cell& cell : cells_of(text.substr(at, size), {}, width)) {
      if (width + cell.width > columns) {
        new_row("");
        if (at == cursor) view.cursor = {static_cast<int>(view.rows.size()) - 1, 0};
      }
      width += cell.width;
      view.rows.back().push_back(std::move(cell));
    }
    at += size;
  }
}

// Keeps as many rows as the screen has, around the cursor.
void clip(EditSession::View& view, int rows) {
  const int count = static_cast<int>(view.rows.size());
  if (count <= rows) return;
  const int first = std::clamp(view.cursor.row - rows / 2, 0, count - rows);
  view.rows.erase(view.rows.begin() + first + rows, view.rows.end());
  view.rows.erase(view.rows.begin(), view.rows.begin() + first);
  view.cursor.row -= first;
}

// Lays texts out in columns of equal width.
std::vector<Row> suggestion_rows(const std::vector<std::string>& texts, int columns) {
  int width = 0;
  for (const std::string& text : texts) width = std::max(width, width_of(cells_of(text)));
  const int per_row = std::max(1, (columns + 2) / (width + 2));
  std::vector<Row> rows;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i % static_cast<size_t>(per_row) == 0) {
      if (static_cast<int>(rows.size()) == kSuggestionRows) {
        rows.back() = cells_of(fmt::format("… {} more", texts.size() - i + static_cast<size_t>(per_row)),
                               {.dim = true});
        break;
      }
      rows.emplace_back();
    } else {
      const int gap = width + 2 - width_of(cells_of(texts[i - 1]));
      append(rows.back(), Row(static_cast<size_t>(gap), Cell{" ", 1, {}}));
    }
    append(rows.back(), cells_of(texts[i], {.dim = true}));
  }
  for (Row& row : rows) row = wrap_anywhere(row, columns).front();
  return rows;
}

}  // namespace

bool is_open_block(std::string_view text) {
  return text.starts_with(kBlockFence) &&
         (text.size() < 2 * kBlockFence.size() || !text.ends_with(kBlockFence));
}

std::string without_fences(const std::string& text) {
  if (!text.starts_with(kBlockFence) || is_open_block(text)) return text;
  return text.substr(kBlockFence.size(), text.size() - 2 * kBlockFence.size());
}

EditSession::EditSession(std::string prompt, const InputHistory& history, const Completer& completer)
    : prompt_(std::move(prompt)), history_(history), completer_(completer), at_(history.size()) {}

EditSession::Result EditSession::enter() {
  if (!is_open_block(buffer_.text())) return Result::kEntered;
  buffer_.insert("\n");
  return Result::kGoesOn;
}

EditSession::Result EditSession::press(const KeyPress& key) {
  suggestions_.clear();
  if (search_ && press_in_search(key)) return Result::kGoesOn;
  if (const Edit edit = edit_of(key.key)) (buffer_.*edit)();
  switch (key.key) {
    case Key::kText:
    case Key::kPaste:
      buffer_.insert(key.text);
      break;
    case Key::kEnter:
      return enter();
    case Key::kNewLine:
      buffer_.insert("\n");
      break;
    case Key::kTab:
      complete();
      break;
    case Key::kUp:
      if (!buffer_.up()) go_in_history(-1);
      break;
    case Key::kDown:
      if (!buffer_.down()) go_in_history(+1);
      break;
    case Key::kPageUp:
      go_in_history(-1);
      break;
    case Key::kPageDown:
      go_in_history(+1);
      break;
    case Key::kControl:
      return press_control(key.text.front());
    default:
      break;
  }
  return Result::kGoesOn;
}

EditSession::Result EditSession::press_control(char letter) {
  if (letter == 'd' && buffer_.text().empty()) return Result::kEndOfInput;
  if (const Edit edit = edit_of(letter)) (buffer_.*edit)();
  switch (letter) {
    case 'c':
      buffer_.set("");
      at_ = history_.size();
      break;
    case 'l':
      return Result::kClearScreen;
    case 'n':
      return press({Key::kDown});
    case 'p':
      return press({Key::kUp});
    case 'r':
      search_ = Search{.text = {}, .before = buffer_, .found = {}};
      break;
    case 'z':
      return Result::kSuspend;
    default:
      break;
  }
  return Result::kGoesOn;
}

void EditSession::search_from(size_t end) {
  const std::optional<size_t> found = history_.find_before(std::min(end, history_.size()), search_->text);
  if (!found) return;  // the last match stays
  search_->found = found;
  const std::string& entry = history_[*found];
  buffer_.set(entry, entry.find(search_->text));
}

bool EditSession::press_in_search(const KeyPress& key) {
  const bool is_control = key.key == Key::kControl;
  if (key.key == Key::kText || key.key == Key::kPaste) {
    search_->text += key.text;
    search_from(search_->found ? *search_->found + 1 : history_.size());
    return true;
  }
  if (key.key == Key::kBackspace) {
    EditBuffer text;
    text.set(search_->text);
    text.erase_left();
    search_->text = text.text();
    search_from(history_.size());
    return true;
  }
  if (is_control && key.text == "r") {
    search_from(search_->found.value_or(history_.size()));
    return true;
  }
  if (key.key == Key::kEscape || (is_control && (key.text == "g" || key.text == "c"))) {
    buffer_ = search_->before;
    search_.reset();
    return true;
  }
  if (search_->found) at_ = *search_->found;
  search_.reset();
  return false;
}

void EditSession::go_in_history(int step) {
  if ((step < 0 && at_ == 0) || (step > 0 && at_ >= history_.size())) return;
  if (at_ == history_.size()) draft_ = buffer_.text();
  at_ = step < 0 ? at_ - 1 : at_ + 1;
  buffer_.set(at_ == history_.size() ? draft_ : history_[at_]);
}

void EditSession::complete() {
  if (!completer_) return;
  const Completion completion = completer_(buffer_.before_cursor());
  if (completion.candidates.empty()) return;
  const std::string typed(buffer_.before_cursor().substr(completion.begin));
  std::string common = common_beginning(completion.candidates);
  if (completion.candidates.size() == 1 && !common.ends_with('/')) common += ' ';
  if (common.size() > typed.size() || completion.candidates.size() == 1)
    buffer_.replace_before_cursor(completion.begin, common);
  else
    suggestions_ = completion.candidates;
}

EditSession::View EditSession::view(TerminalSize size) const {
  std::string prompt = prompt_;
  if (search_) prompt = fmt::format("search '{}': ", search_->text);
  View view = layout(prompt, continuation_of(prompt_), buffer_.text(), buffer_.cursor(), size.columns);
  std::vector<Row> more = suggestion_rows(suggestions_, size.columns);
  clip(view, std::max(1, size.rows - static_cast<int>(more.size())));
  view.rows.insert(view.rows.end(), more.begin(), more.end());
  return view;
}

EditSession::View EditSession::final_view(TerminalSize size) const {
  return layout(prompt_, continuation_of(prompt_), buffer_.text(), buffer_.text().size(), size.columns);
}

}  // namespace ferrum::cli
