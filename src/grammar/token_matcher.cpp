#include "grammar/token_matcher.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "grammar/mask_walk.h"

namespace ferrum::grammar {
namespace {

constexpr size_t kMostKept = size_t{8} << 20;  // bytes of masks, of each grammar

}  // namespace

TokenGrammar::TokenGrammar(std::shared_ptr<const Grammar> grammar,
                           std::shared_ptr<const Vocabulary> vocabulary)
    : grammar_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      kept_(std::make_unique<MaskCache>(kMostKept)) {}
TokenGrammar::~TokenGrammar() = default;

size_t TokenGrammar::bytes() const { return sizeof(TokenGrammar) + grammar_->bytes() + kept_->bytes(); }

TokenMatcher::TokenMatcher(std::shared_ptr<const TokenGrammar> grammar)
    : grammar_(std::move(grammar)), matcher_(grammar_->grammar()) {}

bool TokenMatcher::mask(std::span<uint32_t> words) const {
  const Vocabulary& vocabulary = grammar_->vocabulary();
  check(words.size() == vocabulary.words(), "a mask of the vocabulary's size");
  std::fill(words.begin(), words.end(), 0);
  const Program& program = grammar_->grammar()->program();
  MaskWalk(program, vocabulary, grammar_->kept(), words).add(matcher_.threads());
  const Stepper stepper(program);
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
