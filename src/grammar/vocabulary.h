// The tokens that an answer is made of, as grammars see them. One serves all grammars of an engine.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/spaced_tokens.h"
#include "grammar/string_tokens.h"
#include "grammar/token_trie.h"

namespace ferrum::grammar {

// Immutable; may be used by many threads.
class Vocabulary {
 public:
  struct Token {
    std::string bytes;  // what it adds to a text; of a control token its spelling; empty: it never comes
    bool is_control = false;  // it stands for structure and adds no text
  };

  static constexpr size_t kMaxBytes = TokenTrie::kMaxBytes;

  explicit Vocabulary(std::vector<Token> tokens);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  size_t size() const { return tokens_.size(); }
  size_t words() const { return (size() + 31) / 32; }  // of a mask
  const Token& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  // The tokens that are no control tokens.
  const TokenTrie& texts() const { return texts_; }
  const StringTokens& strings() const { return strings_; }
  const SpacedTokens& spaced() const { return spaced_; }
  const std::vector<int32_t>& controls() const { return controls_; }

 private:
  std::vector<Token> tokens_;
  TokenTrie texts_;
  StringTokens strings_;
  SpacedTokens spaced_;
  std::vector<int32_t> controls_;
};

}  // namespace ferrum::grammar
