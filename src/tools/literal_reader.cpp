#include "tools/literal_reader.h"

#include <fmt/core.h>

#include <utility>

#include "base/utf8.h"

namespace ferrum::tools {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

int hex_digit(char byte) {
  if (is_digit(byte)) return byte - '0';
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// JSON's grammar of numbers (RFC 8259, section 6).
bool is_number(std::string_view text) {
  size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > from;
  };
  const size_t first = at;
  if (!digits() || (text[first] == '0' && at > first + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

// JSON's word for a constant of a dialect; empty where it is none.
std::string_view constant(Dialect dialect, std::string_view word) {
  if (word == "true" || word == "false" || word == "null") return word;
  if (dialect == Dialect::kJson) return {};
  if (word == "True") return "true";
  if (word == "False") return "false";
  if (word == "None") return "null";
  return {};
}

}  // namespace

bool is_space(char byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'; }

void append_json_text(std::string& json, std::string_view text) {
  for (const char byte : text) {
    switch (byte) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(byte) < 0x20) {
          json += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
        } else {
          json += byte;
        }
    }
  }
}

LiteralReader::State LiteralReader::take(char byte, std::string& json) {
  switch (token_) {
    case Token::kString:
      return string_byte(byte, json);
    case Token::kEscape:
      return escape(byte, json);
    case Token::kCode:
      return code_digit(byte, json);
    case Token::kOpeningMark:
    case Token::kClosingMark:
      return mark_byte(byte, json);
    case Token::kQuote:
      return after_quote(byte, json);
    case Token::kWord:
      if (word_goes_on(byte)) {
        text_ += byte;
        return State::kMore;
      }
      if (!end_word(json)) return State::kBad;
      if (brackets_.empty()) return State::kDoneBefore;
      break;
    case Token::kNone:
      break;
  }
  return begin_token(byte, json);
}

bool LiteralReader::finish(std::string& json) {
  if (token_ == Token::kQuote) {
    json += '"';
    token_ = Token::kNone;
    return value_ended() == State::kDone;
  }
  if (token_ == Token::kWord) {
    if (end_word(json)) return brackets_.empty();
    json += text_;
    token_ = Token::kNone;
  }
  if (std::exchange(comma_, false)) json += ',';
  return false;
}

std::string LiteralReader::held() const {
  switch (token_) {
    case Token::kWord:
    case Token::kOpeningMark:
    case Token::kClosingMark:
      return text_;
    case Token::kEscape:
    case Token::kCode:
      return "\\" + text_;
    case Token::kString:
      return std::string(closing_, quote_);
    case Token::kNone:
    case Token::kQuote:
      break;
  }
  return comma_ ? "," : "";
}

LiteralReader::State LiteralReader::begin_token(char byte, std::string& json) {
  if (is_space(byte)) {
    if (dialect_ == Dialect::kJson) json += byte;
    return State::kMore;
  }
  if (byte == ',' || byte == ':') return punctuation(byte, json);
  if (byte == ']' || byte == '}' || byte == ')') return close(byte, json);
  if (expect_ == Expect::kColon || expect_ == Expect::kComma) return State::kBad;
  if (std::exchange(comma_, false)) json += ',';
  if (byte == '[' || byte == '{' || byte == '(') return open(byte, json);
  if (byte == '"' || (byte == '\'' && dialect_ == Dialect::kPython)) {
    quote_ = byte;
    quotes_ = 1;
    closing_ = 0;
    string_is_empty_ = true;
    token_ = Token::kString;
    json += '"';
    return State::kMore;
  }
  text_.clear();
  if (byte == '<' && dialect_ == Dialect::kGemma) {
    text_ = byte;
    token_ = Token::kOpeningMark;
    return State::kMore;
  }
  if ((expects_key() && dialect_ == Dialect::kJson) || !word_goes_on(byte)) return State::kBad;
  text_ = byte;
  token_ = Token::kWord;
  return State::kMore;
}

LiteralReader::State LiteralReader::open(char byte, std::string& json) {
  if (expects_key() || (byte == '(' && dialect_ != Dialect::kPython)) return State::kBad;
  json += byte == '{' ? '{' : '[';
  brackets_ += byte == '{' ? '}' : byte == '[' ? ']' : ')';
  expect_ = byte == '{' ? Expect::kKeyOrEnd : Expect::kValueOrEnd;
  return State::kMore;
}

LiteralReader::State LiteralReader::close(char byte, std::string& json) {
  const bool may_end = expect_ == Expect::kComma || expect_ == Expect::kValueOrEnd ||
                       expect_ == Expect::kKeyOrEnd || (comma_ && dialect_ == Dialect::kPython);
  if (brackets_.empty() || brackets_.back() != byte || !may_end) return State::kBad;
  comma_ = false;
  brackets_.pop_back();
  json += byte == '}' ? '}' : ']';
  expect_ = Expect::kComma;
  return brackets_.empty() ? State::kDone : State::kMore;
}

LiteralReader::State LiteralReader::punctuation(char byte, std::string& json) {
  if (byte == ':') {
    if (expect_ != Expect::kColon) return State::kBad;
    expect_ = Expect::kValue;
    json += byte;
    return State::kMore;
  }
  if (expect_ != Expect::kComma || brackets_.empty()) return State::kBad;
  expect_ = brackets_.back() == '}' ? Expect::kKey : Expect::kValue;
  if (dialect_ == Dialect::kJson) {
    json += byte;
  } else {
    comma_ = true;
  }
  return State::kMore;
}

LiteralReader::State LiteralReader::string_byte(char byte, std::string& json) {
  if (quotes_ > 1 && byte == quote_) {
    if (++closing_ < quotes_) return State::kMore;
    closing_ = 0;
    token_ = Token::kQuote;
    text_.clear();
    return State::kMore;
  }
  for (; closing_ > 0; --closing_) append_json_text(json, {&quote_, 1});
  const bool closes_empty = string_is_empty_ && byte == quote_;
  string_is_empty_ = closes_empty;
  if (quote_ == 0 && byte == '<') {
    token_ = Token::kClosingMark;
    text_ = byte;
  } else if (quote_ != 0 && byte == quote_) {
    if (dialect_ == Dialect::kJson) {
      json += '"';
      token_ = Token::kNone;
      return value_ended();
    }
    token_ = Token::kQuote;
    text_.clear();
  } else if (quote_ != 0 && byte == '\\') {
    token_ = Token::kEscape;
    text_.clear();
  } else {
    append_json_text(json, {&byte, 1});
  }
  return State::kMore;
}

// Behind a backslash. What JSON knows stays as it is; Python's others become characters.
LiteralReader::State LiteralReader::escape(char byte, std::string& json) {
  const bool python = dialect_ != Dialect::kJson;
  code_size_ = byte == 'u' ? 5 : python && byte == 'x' ? 3 : python && byte == 'U' ? 9 : 0;
  if (code_size_ > 0) {
    text_ = byte;
    token_ = Token::kCode;
    return State::kMore;
  }
  if (std::string_view("\"\\/bfnrt").find(byte) != std::string_view::npos) {
    json += '\\';
    json += byte;
  } else if (!python) {
    return State::kBad;
  } else if (byte == '\'') {
    json += byte;
  } else if (byte != '\n') {  // Python leaves the backslash of an escape that it does not know
    json += "\\\\";
    append_json_text(json, {&byte, 1});
  }
  token_ = Token::kString;
  return State::kMore;
}

LiteralReader::State LiteralReader::code_digit(char byte, std::string& json) {
  if (hex_digit(byte) < 0) return State::kBad;
  text_ += byte;
  if (text_.size() < code_size_) return State::kMore;
  token_ = Token::kString;
  if (text_[0] == 'u') {
    json += '\\';
    json += text_;
    return State::kMore;
  }
  char32_t code = 0;
  for (const char digit : text_.substr(1)) code = code * 16 + static_cast<char32_t>(hex_digit(digit));
  std::string character;
  utf8::append(character, code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? utf8::kReplacement : code);
  append_json_text(json, character);
  return State::kMore;
}

// Inside Gemma's quotation mark.
LiteralReader::State LiteralReader::mark_byte(char byte, std::string& json) {
  if (byte == mark_[text_.size()]) {
    text_ += byte;
    if (text_ != mark_) return State::kMore;
    text_.clear();
    if (token_ == Token::kClosingMark) {
      token_ = Token::kQuote;
    } else {
      token_ = Token::kString;
      quote_ = 0;
      json += '"';
    }
    return State::kMore;
  }
  if (token_ == Token::kOpeningMark) return State::kBad;
  append_json_text(json, text_);
  token_ = Token::kString;
  return string_byte(byte, json);
}

LiteralReader::State LiteralReader::after_quote(char byte, std::string& json) {
  if (is_space(byte)) {
    text_ += byte;
    return State::kMore;
  }
  if (string_is_empty_ && byte == quote_ && text_.empty()) {
    string_is_empty_ = false;
    quotes_ = 3;
    token_ = Token::kString;
    return State::kMore;
  }
  const std::string_view closing = expects_key() ? ":" : ",]})";
  if (closing.find(byte) == std::string_view::npos) {  // the mark was part of the text
    append_json_text(json, quote_ == 0 ? std::string(mark_) : std::string(quotes_, quote_));
    string_is_empty_ = false;
    append_json_text(json, text_);
    token_ = Token::kString;
    return string_byte(byte, json);
  }
  json += '"';
  token_ = Token::kNone;
  if (value_ended() == State::kDone) return State::kDoneBefore;
  return begin_token(byte, json);
}

bool LiteralReader::word_goes_on(char byte) const {
  if (dialect_ == Dialect::kGemma)
    return byte != ',' && byte != '}' && byte != ']' && byte != '{' && byte != '[' && byte != '\n' &&
           !(byte == ':' && expects_key());
  const char lower = static_cast<char>(byte | 0x20);
  return is_digit(byte) || byte == '+' || byte == '-' || byte == '.' || byte == '_' ||
         (lower >= 'a' && lower <= 'z');
}

bool LiteralReader::end_word(std::string& json) {
  std::string_view word = text_;
  while (!word.empty() && is_space(word.back())) word.remove_suffix(1);
  const std::string_view known = constant(dialect_, word);
  if (!expects_key() && !known.empty()) {
    json += known;
  } else if (!expects_key() && is_number(word)) {
    json += word;
  } else if (expects_key() || dialect_ == Dialect::kGemma) {  // whose keys and words are bare
    json += '"';
    append_json_text(json, word);
    json += '"';
  } else {
    return false;
  }
  token_ = Token::kNone;
  value_ended();
  return true;
}

// A key or a value is over.
LiteralReader::State LiteralReader::value_ended() {
  const bool key = expects_key();
  expect_ = key ? Expect::kColon : Expect::kComma;
  return !key && brackets_.empty() ? State::kDone : State::kMore;
}

bool read_literal(Dialect dialect, std::string_view text, std::string& json) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  LiteralReader reader(dialect);
  for (size_t i = 0; i < text.size(); ++i) {
    const LiteralReader::State state = reader.take(text[i], json);
    if (state == LiteralReader::State::kDone) return i + 1 == text.size();
    if (state != LiteralReader::State::kMore) return false;
  }
  return reader.finish(json);
}

}  // namespace ferrum::tools
