#include "cli/terminal/inline_markdown.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal/entities.h"

namespace ferrum::cli {
namespace {

// Limits that keep the time for hostile lines linear.
constexpr size_t kOpenersTried = 64;   // per closing delimiter
constexpr size_t kLongestLink = 4096;  // bytes from [ to )
constexpr int kDeepestLink = 1;        // an image inside a link

bool is_punctuation(char c) { return std::ispunct(static_cast<unsigned char>(c)); }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A run of text of one style, or a run of delimiters that may open or close emphasis.
struct Piece {
  Row cells;
  std::string text;  // remaining delimiters; empty: see `cells`
  char delimiter = 0;
  bool can_open = false;
  bool can_close = false;
  size_t original = 0;  // number of delimiters before any was used
  TextStyle added;
};

void add_style(TextStyle& style, const TextStyle& more) {
  style.bold |= more.bold;
  style.dim |= more.dim;
  style.italic |= more.italic;
  style.underline |= more.underline;
  style.strike |= more.strike;
  if (more.colour) style.colour = more.colour;
}

size_t run_length(std::string_view text, size_t at) {
  const size_t end = text.find_first_not_of(text[at], at);
  return (end == std::string_view::npos ? text.size() : end) - at;
}

class InlineParser {
 public:
  InlineParser(std::string_view text, const TextStyle& base, Colours colours, LineState state, int depth = 0)
      : text_(text), base_(base), colours_(colours), state_(state), depth_(depth) {}

  Row cells() {
    while (at_ < text_.size()) step();
    flush();
    match_delimiters();
    Row all;
    for (Piece& piece : pieces_) {
      if (piece.delimiter) piece.cells = cells_of(piece.text, base_);
      for (Cell& cell : piece.cells) {
        add_style(cell.style, piece.added);
        all.push_back(std::move(cell));
      }
    }
    return all;
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '\\' && at_ + 1 < text_.size() && is_punctuation(text_[at_ + 1])) {
      plain_ += text_[at_ + 1];
      at_ += 2;
    } else if (c == '`') {
      code();
    } else if (c == '*' || c == '_' || c == '~') {
      delimiters();
    } else if (c == '&' && entity()) {
    } else if (c == '<' && autolink()) {
    } else if ((c == '[' || (c == '!' && at_ + 1 < text_.size() && text_[at_ + 1] == '[')) && link()) {
    } else {
      plain_ += c;
      ++at_;
    }
  }

  void flush() {
    if (plain_.empty()) return;
    pieces_.push_back({.cells = cells_of(plain_, base_)});
    plain_.clear();
  }

  void code() {
    const size_t ticks = run_length(text_, at_);
    const std::string fence(ticks, '`');
    size_t end = at_ + ticks;
    while ((end = text_.find(fence, end)) != std::string_view::npos && run_length(text_, end) != ticks)
      end += run_length(text_, end);
    const bool closed = end != std::string_view::npos;
    if (!closed && state_ == LineState::kWhole) {
      plain_ += fence;
      at_ += ticks;
      return;
    }
    std::string_view inside = text_.substr(at_ + ticks, closed ? end - at_ - ticks : std::string_view::npos);
    at_ = closed ? end + ticks : text_.size();
    if (inside.size() > 2 && inside.front() == ' ' && inside.back() == ' ' &&
        inside.find_first_not_of(' ') != std::string_view::npos)
      inside = inside.substr(1, inside.size() - 2);
    flush();
    TextStyle style = base_;
    if (colours_ == Colours::kAnsi) {
      style.colour = kCodeColour;
      pieces_.push_back({.cells = cells_of(inside, style)});
    } else {
      pieces_.push_back({.cells = cells_of("`" + std::string(inside) + (closed ? "`" : ""), style)});
    }
  }

  void delimiters() {
    const size_t count = run_length(text_, at_);
    const char c = text_[at_];
    const char before = at_ == 0 ? ' ' : text_[at_ - 1];
    const bool at_end = at_ + count >= text_.size();
    const char after = at_end ? ' ' : text_[at_ + count];
    const bool left =
        !is_blank(after) && (!is_punctuation(after) || is_blank(before) || is_punctuation(before));
    const bool right =
        !is_blank(before) && (!is_punctuation(before) || is_blank(after) || is_punctuation(after));
    flush();
    Piece piece = {.text = std::string(count, c), .delimiter = c, .original = count};
    piece.can_open = left && (c != '_' || !right || is_punctuation(before));
    piece.can_close = right && (c != '_' || !left || is_punctuation(after));
    if (c == '~' && count != 2) piece.can_open = piece.can_close = false;
    // An opener is not shown until the text after it decides about it.
    if (at_end && state_ == LineState::kGrowing && !piece.can_close) piece.text.clear();
    pieces_.push_back(std::move(piece));
    at_ += count;
  }

  bool entity() {
    const std::optional<Entity> found = entity_at(text_.substr(at_));
    if (!found) return false;
    plain_ += found->text;
    at_ += found->size;
    return true;
  }

  // <https://…>
  bool autolink() {
    const size_t end = text_.find('>', at_);
    if (end == std::string_view::npos) return false;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    if (inside.find_first_of(" <") != std::string_view::npos ||
        (!inside.starts_with("http://") && !inside.starts_with("https://") && !inside.starts_with("mailto:")))
      return false;
    add_link(inside, {});
    at_ = end + 1;
    return true;
  }

  // [text](target "title"), or an image with ! before it.
  bool link() {
    if (depth_ > kDeepestLink) return false;
    const size_t open = text_[at_] == '!' ? at_ + 1 : at_;
    const size_t limit = std::min(text_.size(), open + kLongestLink);
    int depth = 0;
    size_t close = open;
    for (; close < limit; ++close) {
      if (text_[close] == '\\')
        ++close;
      else if (text_[close] == '[')
        ++depth;
      else if (text_[close] == ']' && --depth == 0)
        break;
    }
    if (close + 1 >= limit || text_[close + 1] != '(') return false;
    size_t end = close + 1;
    for (depth = 0; end < limit; ++end) {
      if (text_[end] == '(')
        ++depth;
      else if (text_[end] == ')' && --depth == 0)
        break;
    }
    if (end >= limit) return false;
    std::string_view target = text_.substr(close + 2, end - close - 2);
    target = target.substr(0, target.find(" \""));
    add_link(text_.substr(open + 1, close - open - 1), target);
    at_ = end + 1;
    return true;
  }

  void add_link(std::string_view text, std::string_view target) {
    flush();
    TextStyle linked = base_;
    linked.underline = true;
    pieces_.push_back({.cells = InlineParser(text, linked, colours_, LineState::kWhole, depth_ + 1).cells()});
    if (target.empty() || target == text) return;
    TextStyle remark = base_;
    remark.dim = true;
    pieces_.push_back({.cells = cells_of(" (" + std::string(target) + ")", remark)});
  }

  static bool matches(const Piece& opener, const Piece& closer) {
    if (!opener.can_open || opener.delimiter != closer.delimiter || opener.text.empty()) return false;
    if (opener.delimiter == '~') return true;
    // "The rule of three" of CommonMark.
    const bool both_ways = opener.can_close || closer.can_open;
    return !both_ways || (opener.original + closer.original) % 3 != 0 ||
           (opener.original % 3 == 0 && closer.original % 3 == 0);
  }

  void emphasise(size_t opener, size_t end, size_t used) {
    TextStyle style;
    if (pieces_[opener].delimiter == '~')
      style.strike = true;
    else if (used == 2)
      style.bold = true;
    else
      style.italic = true;
    for (size_t i = opener + 1; i < end; ++i) add_style(pieces_[i].added, style);
  }

  void match_delimiters() {
    std::vector<size_t> openers;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (!pieces_[i].delimiter) continue;
      while (pieces_[i].can_close && !pieces_[i].text.empty()) {
        const std::optional<size_t> found = opener_for(openers, pieces_[i]);
        if (!found) break;
        Piece& opener = pieces_[openers[*found]];
        const size_t used = opener.text.size() >= 2 && pieces_[i].text.size() >= 2 ? 2 : 1;
        emphasise(openers[*found], i, used);
        opener.text.resize(opener.text.size() - used);
        pieces_[i].text.resize(pieces_[i].text.size() - used);
        openers.resize(*found + (opener.text.empty() ? 0 : 1));
      }
      if (pieces_[i].can_open && !pieces_[i].text.empty()) openers.push_back(i);
    }
    if (state_ == LineState::kWhole) return;
    for (const size_t i : openers) {
      Piece& opener = pieces_[i];
      while (!opener.text.empty()) {
        const size_t used = opener.text.size() >= 2 ? 2 : 1;
        emphasise(i, pieces_.size(), used);
        opener.text.resize(opener.text.size() - used);
      }
    }
  }

  std::optional<size_t> opener_for(const std::vector<size_t>& openers, const Piece& closer) const {
    for (size_t tried = 0; tried < std::min(openers.size(), kOpenersTried); ++tried) {
      const size_t index = openers.size() - 1 - tried;
      if (matches(pieces_[openers[index]], closer)) return index;
    }
    return std::nullopt;
  }

  std::string_view text_;
  TextStyle base_;
  Colours colours_;
  LineState state_;
  int depth_;  // nesting of links
  size_t at_ = 0;
  std::string plain_;
  std::vector<Piece> pieces_;
};

}  // namespace

Row inline_cells(std::string_view text, const TextStyle& base, Colours colours, LineState state) {
  return InlineParser(text, base, colours, state).cells();
}

}  // namespace ferrum::cli
