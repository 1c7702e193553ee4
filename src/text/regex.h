// The regular expressions in tokenizer files, run by PCRE2.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace ferrum {

class Regex {
 public:
  // `pattern` is in Oniguruma's Ruby syntax, as in Hugging Face tokenizers. Throws kUnsupported naming
  // `where` and the pattern if it does not compile.
  Regex(std::string_view pattern, std::string_view where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Calls `match` with (begin, end) of every match, left to right; an empty match counts only if the last one
  // did not end there. Malformed UTF-8 is never part of a match. Throws kBadArgument if the pattern takes too
  // many steps on `text`.
  void for_each_match(std::string_view text, FunctionRef<void(size_t, size_t)> match) const;

 private:
  void search_run(std::string_view run, FunctionRef<void(size_t, size_t)> match) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Translates the pattern into PCRE2's syntax (UTF, UCP, MULTILINE). Throws kUnsupported naming `where`.
std::string translate_regex(std::string_view pattern, std::string_view where);

}  // namespace ferrum
