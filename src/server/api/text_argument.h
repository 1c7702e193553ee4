// Tools that take a text of any form instead of arguments: a model calls a function with one argument, the
// text.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::server {

// The JSON schema of such a function; `schema`: of its text, or empty.
std::string text_schema(const std::string& schema);
// The arguments that stand for a text, as JSON.
std::string text_arguments(std::string_view text);

// The text in arguments whose JSON comes piece by piece.
class TextArgument {
 public:
  // Appends what the next piece adds. Pieces are whole characters, and so is the text.
  void take(std::string_view json, std::string& out);

 private:
  enum class Place { kBeforeKey, kKey, kBeforeText, kText, kBehind };
  void take_key(char c);
  void take_text(char c, std::string& out);
  void take_escaped(char c, std::string& out);
  void add_unit(std::string& out);

  Place place_ = Place::kBeforeKey;
  bool escaped_ = false;  // behind a backslash
  int digits_ = 0;        // of \uXXXX that are still to come
  unsigned unit_ = 0;     // those that have come, as a number
  unsigned high_ = 0;     // the first of two surrogates; 0: none
};

}  // namespace ferrum::server
