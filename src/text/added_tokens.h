// Finds added tokens in a text: leftmost first, the longest of those at one place. Linear time.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"
#include "text/trie.h"
#include "text/vocabulary.h"

namespace ferrum {

// A text, parts of which may come from people who must not be able to write control tokens.
struct TrustedText {
  std::string_view text;
  bool all_trusted = false;
  std::string_view trust;  // empty, or one byte for each byte of the text, 0 where it is not trusted

  bool trusts(size_t begin, size_t end) const {
    if (trust.empty()) return all_trusted;
    return trust.substr(begin, end - begin).find('\0') == std::string_view::npos;
  }
};

class AddedTokens {
 public:
  struct Pattern {
    std::string text;
    AddedToken token;
  };
  AddedTokens(std::vector<Pattern> patterns, const Vocabulary& vocabulary);

  bool empty() const { return patterns_.empty(); }

  struct Part {
    size_t begin, end;             // parts that are tokens may overlap in white space that both take
    std::optional<TokenId> token;  // empty for text between tokens
  };
  // Cuts the text into parts. Control and unknown tokens are found only where all their bytes are trusted.
  void split(const TrustedText& text, std::vector<Part>& parts) const;

 private:
  std::vector<Pattern> patterns_;
  std::vector<bool> needs_trust_;  // indexed by pattern
  Trie trie_;                      // maps to indices of patterns
};

}  // namespace ferrum
