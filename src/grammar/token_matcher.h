// One answer's way through a grammar, token by token. A copy costs a reference; each token that is accepted
// takes memory of its own that does not depend on how long the answer is, and can be taken back.
//
// Tokens that end an answer are the caller's business: it lets them come where is_complete().
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "grammar/grammar.h"
#include "grammar/matcher.h"
#include "grammar/vocabulary.h"

namespace ferrum::grammar {

class MaskCache;

// A grammar for the tokens of a vocabulary. May be used by many threads.
class TokenGrammar {
 public:
  TokenGrammar(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const Vocabulary> vocabulary);
  ~TokenGrammar();
  TokenGrammar(const TokenGrammar&) = delete;
  TokenGrammar& operator=(const TokenGrammar&) = delete;

  const std::shared_ptr<const Grammar>& grammar() const { return grammar_; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  size_t bytes() const;  // of memory, about; it grows with use

  MaskCache& kept() const { return *kept_; }

 private:
  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::unique_ptr<MaskCache> kept_;
};

// One thread at a time uses a matcher; copies may be used by different threads.
class TokenMatcher {
 public:
  explicit TokenMatcher(std::shared_ptr<const TokenGrammar> grammar);

  // Bit i % 32 of word i / 32: token i may come next. There are ⌈size / 32⌉ words. False: every token may
  // come, and `words` are untouched. A function of the tokens accepted so far alone.
  bool mask(std::span<uint32_t> words) const;
  bool may(int32_t token) const;  // one bit of the mask
  // False: it may not come, and nothing has changed. Tokens that the vocabulary does not have may not come.
  bool accept(int32_t token);
  // Takes back the last `tokens` tokens, of which there must be as many.
  void rollback(size_t tokens) { matcher_.rollback(tokens); }

  bool is_complete() const { return matcher_.is_complete(); }  // the answer may end here
  bool is_at_end() const { return matcher_.is_at_end(); }      // … and nothing can follow
  // The bytes that must come next, whatever the answer: up to `most`, and none where it may also end.
  std::string forced_bytes(size_t most = 256) const { return matcher_.forced_bytes(most); }

 private:
  std::shared_ptr<const TokenGrammar> grammar_;
  Matcher matcher_;
};

}  // namespace ferrum::grammar
