#include "grammar/token_matcher.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "grammar/threads.h"

namespace ferrum::grammar {

TokenGrammar::TokenGrammar(std::shared_ptr<const Grammar> grammar,
                           std::shared_ptr<const Vocabulary> vocabulary)
    : grammar_(std::move(grammar)), vocabulary_(std::move(vocabulary)) {}
TokenGrammar::~TokenGrammar() = default;

size_t TokenGrammar::bytes() const { return sizeof(TokenGrammar) + grammar_->bytes(); }

TokenMatcher::TokenMatcher(std::shared_ptr<const TokenGrammar> grammar)
    : grammar_(std::move(grammar)), matcher_(grammar_->grammar()) {}

bool TokenMatcher::mask(std::span<uint32_t> words) const {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  check(words.size() == vocabulary.words(), "a mask of the vocabulary's size");
  std::fill(words.begin(), words.end(), 0);
  const TokenTrie& trie = vocabulary.texts();
  const Stepper stepper(grammar_->grammar()->program());
  std::vector<Threads> behind(trie.max_depth() + 1);  // by depth
  behind[0] = matcher_.threads();
  for (uint32_t node = TokenTrie::kRoot + 1; node < trie.size();) {
    const TokenTrie::Node& at = trie[node];
    Threads& threads = behind[at.depth];
    threads = stepper.step(behind[at.depth - 1U], at.byte);
    if (threads.empty()) {
      node = at.end;
      continue;
    }
    for (const int32_t token : trie.tokens_at(node))
      words[static_cast<size_t>(token) / 32] |= 1U << (static_cast<size_t>(token) % 32);
    ++node;
  }
  for (const int32_t token : vocabulary.controls())
    if (!stepper.step_mark(matcher_.threads(), vocabulary.token(token).bytes).empty())
      words[static_cast<size_t>(token) / 32] |= 1U << (static_cast<size_t>(token) % 32);
  return true;
}

bool TokenMatcher::may(int32_t token) const {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  if (token < 0 || static_cast<size_t>(token) >= vocabulary.size()) return false;
  const Vocabulary::Token& one = vocabulary.token(token);
  if (one.bytes.empty()) return false;
  if (!one.is_control) return matcher_.accepted_prefix(one.bytes) == one.bytes.size();
  return !Stepper(grammar_->grammar()->program()).step_mark(matcher_.threads(), one.bytes).empty();
}

bool TokenMatcher::accept(int32_t token) {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  if (token < 0 || static_cast<size_t>(token) >= vocabulary.size()) return false;
  const Vocabulary::Token& one = vocabulary.token(token);
  if (one.bytes.empty()) return false;
  return one.is_control ? matcher_.accept_mark(one.bytes) : matcher_.accept(one.bytes);
}

}  // namespace ferrum::grammar
