// Regular expressions as tokenizer files carry them, run by PCRE2.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace ferrum {

class Regex {
 public:
  // `pattern` is in Oniguruma's Ruby syntax, as Hugging Face tokenizers compile it. Error kUnsupported naming
  // `where` and the pattern if it does not compile.
  Regex(std::string_view pattern, std::string_view where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Hands every match to `match` as (begin, end), left to right; an empty one only where the last did not
  // end. Broken UTF-8 is matched by nothing. Error kBadArgument where the pattern takes too many steps on
  // `text`.
  void for_each_match(std::string_view text, FunctionRef<void(size_t, size_t)> match) const;

 private:
  void search_run(std::string_view run, FunctionRef<void(size_t, size_t)> match) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The pattern in the syntax of PCRE2 (with UTF, UCP and MULTILINE). Error kUnsupported naming `where`.
std::string translate_regex(std::string_view pattern, std::string_view where);

}  // namespace ferrum
