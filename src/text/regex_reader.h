// Reads a regular expression in Oniguruma's Ruby syntax
// (https://github.com/kkos/oniguruma/blob/master/doc/RE) character by character.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace ferrum {

class PatternReader {
 public:
  // `where` names the pattern's place in errors. Both must outlive the reader.
  PatternReader(std::string_view pattern, std::string_view where) : in_(pattern), where_(where) {}

  // Error kUnsupported with the place and the pattern.
  [[noreturn]] void refuse(std::string_view why) const;

  bool at_end() const { return at_ >= in_.size(); }
  size_t position() const { return at_; }
  void go_back(size_t position) { at_ = position; }

  bool sees(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  bool sees_one_of(std::string_view characters) const {
    return !at_end() && characters.find(in_[at_]) != std::string_view::npos;
  }
  // Whether `text` follows; then it is read.
  bool take(std::string_view text);
  char take_byte() { return in_[at_++]; }
  char peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  std::string digits();                     // decimal ones, perhaps none
  std::string until(std::string_view end);  // the text before `end`, both are read
  char32_t character();                     // as it stands
  // The character that an escape denotes, after its backslash: \n, \x41, \u0041, \101, \cA. A letter without
  // a meaning as an escape stands for itself.
  char32_t escaped_character();

 private:
  char32_t code(int base, size_t least, size_t most);
  char32_t braced_code(int base);
  char32_t with_control_key();
  char32_t bytes_of_character(char32_t first);

  std::string_view in_;
  std::string_view where_;
  size_t at_ = 0;
};

// PCRE2's spelling of a character, outside of a class or inside.
std::string spelled_in_pcre2(char32_t c);

}  // namespace ferrum
