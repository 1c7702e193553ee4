// The words of a grammar in Lark's notation.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ferrum::grammar {

struct LarkToken {
  enum class Kind {
    kName,     // or a number
    kString,   // without its quotation marks, escapes as written
    kRegex,    // without its slashes
    kSign,     // one of ( ) [ ] { } | ? ! * + ~ : , . - .. ->
    kCommand,  // %import, %ignore, …
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text{};
  std::string flags{};  // behind a string or a regular expression
  int line = 1;
  bool begins_line = false;  // nothing but space precedes it there

  bool is(std::string_view sign) const { return kind == Kind::kSign && text == sign; }
};

// The last one is kEnd. Refusal: what begins no word.
std::vector<LarkToken> lark_tokens(std::string_view source);

}  // namespace ferrum::grammar
