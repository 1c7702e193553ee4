// Reads one value byte by byte, in the dialects in which models write arguments, and writes it as JSON.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::tools {

enum class Dialect {
  kJson,    // as it stands; control characters in strings, which JSON forbids, become escapes
  kPython,  // 'text', """text""", True, None, (tuples,), {'a': 1}; JSON's words too
  kGemma,   // {key:<|"|>text<|"|>,other:[1,true]}: keys and words without quotation marks
};

// A quotation mark of Python or Gemma closes a string only where a comma, a colon, a closing bracket or the
// answer's end follows: some templates write strings without escaping them.
class LiteralReader {
 public:
  enum class State {
    kMore,        // the byte belongs to the value, which goes on
    kDone,        // the byte completes the value
    kDoneBefore,  // the value was complete before this byte, which does not belong to it
    kBad,         // the byte cannot stand here and does not belong to the value
  };

  // `mark` stands around kGemma's strings, begins with < and outlives the reader.
  explicit LiteralReader(Dialect dialect, std::string_view mark = {}) : dialect_(dialect), mark_(mark) {}

  // REQUIRES: the last state was kMore. Appends to `json` what is certain.
  State take(char byte, std::string& json);
  // The answer ends here: whether the value is complete. Appends what was held back.
  bool finish(std::string& json);
  // Bytes that were taken and are not in `json`: after kBad, and where the answer ends within the value, they
  // are the caller's.
  std::string held() const;

 private:
  enum class Expect { kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kComma };
  enum class Token { kNone, kString, kEscape, kCode, kQuote, kWord, kOpeningMark, kClosingMark };

  State begin_token(char byte, std::string& json);
  State open(char byte, std::string& json);
  State close(char byte, std::string& json);
  State punctuation(char byte, std::string& json);
  State string_byte(char byte, std::string& json);
  State escape(char byte, std::string& json);
  State code_digit(char byte, std::string& json);
  State mark_byte(char byte, std::string& json);
  State after_quote(char byte, std::string& json);
  bool word_goes_on(char byte) const;
  bool end_word(std::string& json);
  State value_ended();
  bool expects_key() const { return expect_ == Expect::kKey || expect_ == Expect::kKeyOrEnd; }

  Dialect dialect_;
  std::string_view mark_;
  Expect expect_ = Expect::kValue;
  Token token_ = Token::kNone;
  std::string brackets_;  // open ones, by what closes them
  bool comma_ = false;    // read, and not written yet: Python allows one before a closing bracket
  char quote_ = 0;        // what closes the string; 0 for Gemma's mark
  size_t quotes_ = 1;     // how many of them: three around Python's text of several lines
  size_t closing_ = 0;    // of three, those that stand here
  bool string_is_empty_ = true;
  std::string text_;      // a word; an escape; a mark of Gemma's; the space behind a quotation mark
  size_t code_size_ = 0;  // bytes of an escape with digits
};

// `text` as the inside of a JSON string.
void append_json_text(std::string& json, std::string_view text);

// The whole of `text` as one value, spaces around it aside: its JSON, or nothing where it is none.
bool read_literal(Dialect dialect, std::string_view text, std::string& json);

bool is_space(char byte);

}  // namespace ferrum::tools
