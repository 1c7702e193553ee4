// Finds added tokens in a text: leftmost first, the longest of those that begin there. Linear time.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"
#include "text/trie.h"
#include "text/vocabulary.h"

namespace ferrum {

// A text of which parts may be from people who must not be able to write control tokens.
struct TrustedText {
  std::string_view text;
  bool all_trusted = false;
  std::string_view trust;  // where parts differ: a byte for each of the text's, 0 if not trusted; else empty

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
    size_t begin, end;             // of tokens, they may overlap in white space that both take
    std::optional<TokenId> token;  // nothing: text
  };
  // The text in parts, in order. Control and unknown tokens are found only where all their bytes are trusted.
  void split(const TrustedText& text, std::vector<Part>& parts) const;

 private:
  std::vector<Pattern> patterns_;
  std::vector<bool> needs_trust_;  // by pattern
  Trie trie_;                      // numbers are indices of patterns
};

}  // namespace ferrum
