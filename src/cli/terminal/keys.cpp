#include "cli/terminal/keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "base/numbers.h"
#include "base/utf8.h"

namespace ferrum::cli {
namespace {

constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr size_t kLongestSequence = 32;  // bytes; longer sequences are ignored

enum Modifiers { kShift = 1, kAlt = 2, kControl = 4 };

KeyPress control(char letter) { return {Key::kControl, std::string(1, letter)}; }

// A key with modifiers. Shift alone changes nothing, since there is no selection.
KeyPress modified(Key key, int modifiers) {
  const bool word = modifiers & (kAlt | kControl);
  switch (key) {
    case Key::kLeft:
      return {word ? Key::kWordLeft : key, {}};
    case Key::kRight:
      return {word ? Key::kWordRight : key, {}};
    case Key::kDelete:
      return {word ? Key::kEraseWordRight : key, {}};
    case Key::kBackspace:
      return {word ? Key::kEraseWordLeft : key, {}};
    case Key::kEnter:
      return {modifiers ? Key::kNewLine : key, {}};
    default:
      return {key, {}};
  }
}

std::optional<Key> key_of_letter(char letter) {
  switch (letter) {
    case 'A':
      return Key::kUp;
    case 'B':
      return Key::kDown;
    case 'C':
      return Key::kRight;
    case 'D':
      return Key::kLeft;
    case 'H':
      return Key::kHome;
    case 'F':
      return Key::kEnd;
    default:
      return std::nullopt;
  }
}

// The key of CSI number ~
std::optional<Key> key_of_number(int number) {
  switch (number) {
    case 1:
    case 7:
      return Key::kHome;
    case 4:
    case 8:
      return Key::kEnd;
    case 3:
      return Key::kDelete;
    case 5:
      return Key::kPageUp;
    case 6:
      return Key::kPageDown;
    default:
      return std::nullopt;
  }
}

// A character with modifiers, as in CSI code ; modifiers u and CSI 27 ; modifiers ; code ~.
std::optional<KeyPress> key_of_character(int code, int modifiers) {
  if (code == 13 || code == 10) return modified(Key::kEnter, modifiers);
  if (code == 127 || code == 8) return modified(Key::kBackspace, modifiers);
  if (code == 9) return KeyPress{Key::kTab, {}};
  if (code == 27) return KeyPress{Key::kEscape, {}};
  const bool is_letter = code < 128 && std::isalpha(code);
  if ((modifiers & kControl) && is_letter) return control(static_cast<char>(std::tolower(code)));
  if ((modifiers & kAlt) && is_letter) {
    if (std::tolower(code) == 'b') return KeyPress{Key::kWordLeft, {}};
    if (std::tolower(code) == 'f') return KeyPress{Key::kWordRight, {}};
    if (std::tolower(code) == 'd') return KeyPress{Key::kEraseWordRight, {}};
    return std::nullopt;
  }
  if (code < 32 || code > 0x10ffff || (modifiers & (kAlt | kControl))) return std::nullopt;
  KeyPress key;
  utf8::append(key.text, static_cast<char32_t>(code));
  return key;
}

std::vector<int> numbers_of(std::string_view parameters) {
  std::vector<int> numbers;
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view one = parameters.substr(0, std::min(end, parameters.find(':')));
    numbers.push_back(whole_number<int>(std::string(one)).value_or(0));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
  }
  return numbers;
}

// The key of a control sequence; nullopt if it is unknown.
std::optional<KeyPress> key_of_sequence(std::string_view parameters, char final, int modifiers) {
  // Private parameters: reports of the mouse and of the terminal.
  if (!parameters.empty() && parameters[0] >= '<' && parameters[0] <= '?') return std::nullopt;
  const std::vector<int> numbers = numbers_of(parameters);
  const auto number = [&](size_t i) { return i < numbers.size() ? numbers[i] : 0; };
  const auto modifiers_at = [&](size_t i) { return modifiers | (number(i) > 0 ? number(i) - 1 : 0); };
  if (final == '~' && number(0) == 27 && numbers.size() == 3)
    return key_of_character(number(2), modifiers_at(1));
  if (final == 'u') return key_of_character(number(0), modifiers_at(1));
  if (final == '~' || final == '^' || final == '$' || final == '@') {
    // rxvt: ^ means Ctrl, $ Shift, @ both.
    if (final == '^' || final == '@') modifiers |= kControl;
    const std::optional<Key> key = key_of_number(number(0));
    if (!key) return std::nullopt;
    return modified(*key, modifiers_at(1));
  }
  const std::optional<Key> key = key_of_letter(final);
  if (!key) return std::nullopt;
  // Modifiers are the second number, as in CSI 1;5 C, or the only one (xterm's modifyCursorKeys: 0).
  return modified(*key, modifiers_at(numbers.size() == 1 ? 0 : 1));
}

// Keeps line breaks as \n, and tabs; drops other control characters.
std::string cleaned_paste(std::string_view bytes) {
  const std::string valid = utf8::sanitized(bytes);
  std::string text;
  for (size_t i = 0; i < valid.size(); ++i) {
    const auto c = static_cast<unsigned char>(valid[i]);
    if (c == '\r') {
      if (i + 1 < valid.size() && valid[i + 1] == '\n') continue;
      text += '\n';
    } else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f)) {
      text += valid[i];
    }
  }
  return text;
}

}  // namespace

std::optional<KeyPress> KeyDecoder::paste() {
  const size_t end = bytes_.find(kPasteEnd);
  if (end == std::string::npos) return std::nullopt;
  KeyPress key = {Key::kPaste, cleaned_paste(std::string_view(bytes_).substr(0, end))};
  bytes_.erase(0, end + kPasteEnd.size());
  in_paste_ = false;
  return key;
}

// bytes_ begins with an escape character. Consumes the whole sequence, even if it is not a known key.
std::optional<KeyPress> KeyDecoder::escape_sequence(bool& incomplete) {
  size_t at = 1;
  int modifiers = 0;
  // rxvt and PuTTY send Alt as another escape character before the sequence.
  if (bytes_.size() > 1 && bytes_[1] == '\x1b' &&
      (bytes_.size() == 2 || bytes_[2] == '[' || bytes_[2] == 'O')) {
    modifiers = kAlt;
    at = 2;
  }
  const auto take = [&](size_t size) { bytes_.erase(0, size); };
  incomplete = bytes_.size() <= at;
  if (incomplete) return std::nullopt;
  const char kind = bytes_[at];
  if (kind == '[') {
    // The Linux console's function keys have a second [.
    if (bytes_.size() > at + 1 && bytes_[at + 1] == '[') {
      incomplete = bytes_.size() <= at + 2;
      if (!incomplete) take(at + 3);
      return std::nullopt;
    }
    size_t end = at + 1;
    while (end < bytes_.size() && bytes_[end] >= 0x20 && bytes_[end] < 0x40 &&
           (bytes_[end] != '$' || end == at + 1))
      ++end;
    incomplete = end >= bytes_.size() && end < kLongestSequence;
    if (incomplete) return std::nullopt;
    const std::string sequence = bytes_.substr(at + 1, end - at);
    take(std::min(end + 1, bytes_.size()));
    if (sequence == "200~") {
      in_paste_ = true;
      return std::nullopt;
    }
    const char final = sequence.empty() ? 0 : sequence.back();
    if (final >= 'a' && final <= 'd')  // rxvt: with Shift
      return key_of_sequence({}, static_cast<char>(std::toupper(final)), modifiers);
    return key_of_sequence(std::string_view(sequence).substr(0, sequence.empty() ? 0 : sequence.size() - 1),
                           final, modifiers);
  }
  if (kind == 'O') {
    // The editor uses the normal mode of cursor keys, in which xterm sends CSI C for the arrow and PuTTY
    // sends SS3 C for the arrow with Ctrl; rxvt sends SS3 c for that.
    size_t end = at + 1;
    while (end < bytes_.size() && std::isdigit(static_cast<unsigned char>(bytes_[end]))) ++end;
    incomplete = end >= bytes_.size() && end < kLongestSequence;
    if (incomplete) return std::nullopt;
    char final = bytes_[std::min(end, bytes_.size() - 1)];
    take(std::min(end + 1, bytes_.size()));
    if (final >= 'a' && final <= 'd') final = static_cast<char>(std::toupper(final));
    if (final == 'M') return KeyPress{Key::kEnter, {}};  // Enter on the number pad
    if (final == 'C' || final == 'D') modifiers |= kControl;
    return key_of_sequence({}, final, modifiers);
  }
  take(at + 1);
  switch (kind) {
    case '\r':
    case '\n':
      return KeyPress{Key::kNewLine, {}};
    case '\x7f':
    case '\b':
      return KeyPress{Key::kEraseWordLeft, {}};
    case '\x1b':
      return KeyPress{Key::kEscape, {}};
    default:
      return key_of_character(static_cast<unsigned char>(kind), kAlt);
  }
}

std::optional<KeyPress> KeyDecoder::text() {
  // Takes all adjacent text as one key press: a paste without bracketed paste arrives in one piece.
  KeyPress key;
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const auto c = static_cast<unsigned char>(rest[0]);
    if (c < 0x20 || c == 0x7f || utf8::incomplete_tail(rest) == rest.size()) break;
    const utf8::Decoded d = utf8::decode(rest);
    if (d.valid && (d.code_point < 0x80 || d.code_point >= 0xa0)) utf8::append(key.text, d.code_point);
    rest.remove_prefix(d.size);
  }
  bytes_.erase(0, bytes_.size() - rest.size());
  if (key.text.empty()) return std::nullopt;
  return key;
}

std::optional<KeyPress> KeyDecoder::next() {
  while (!bytes_.empty()) {
    if (in_paste_) return paste();
    const char c = bytes_[0];
    std::optional<KeyPress> key;
    if (c == '\x1b') {
      bool incomplete = false;
      key = escape_sequence(incomplete);
      if (incomplete) return std::nullopt;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
      bytes_.erase(0, 1);
      if (c == '\r' || c == '\n')
        key = KeyPress{Key::kEnter, {}};
      else if (c == '\t')
        key = KeyPress{Key::kTab, {}};
      else if (c == '\x7f' || c == '\b')
        key = KeyPress{Key::kBackspace, {}};
      else
        key = control(static_cast<char>((c | 0x40) + (c >= 1 && c <= 26 ? 0x20 : 0)));
    } else {
      const size_t before = bytes_.size();
      key = text();
      if (bytes_.size() == before) return std::nullopt;  // an incomplete character
    }
    if (key) return key;
  }
  return std::nullopt;
}

std::optional<KeyPress> KeyDecoder::give_up() {
  if (!awaits_sequence()) return std::nullopt;
  bytes_.erase(0, 1);
  const char second = bytes_.empty() ? '\x1b' : bytes_[0];
  if (!bytes_.empty()) bytes_.erase(0, 1);
  if (second == '\x1b') return KeyPress{Key::kEscape, {}};
  return std::nullopt;  // Alt-[ and Alt-O alone are not keys
}

}  // namespace ferrum::cli
