#include "engine/constraint.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace ferrum {
namespace {

constexpr size_t kLast = 4;         // tokens in front of certain text that its first one might have joined
constexpr size_t kMostBytes = 256;  // of certain text that are looked at together

// The tokens behind the first `before` of `ids`, which must be the end of `last`, but for the first one: a
// tokenizer may write the beginning of a text in a way of its own. Empty: another way to write it.
std::span<const TokenId> behind(std::span<const TokenId> ids, std::span<const TokenId> last) {
  if (ids.size() <= last.size()) return {};
  for (size_t i = 1; i < last.size(); ++i)
    if (ids[i] != last[i]) return {};
  return ids.subspan(last.size());
}

}  // namespace

Constraint::Constraint(std::shared_ptr<const AnswerGrammar> grammar)
    : grammar_(std::move(grammar)), matcher_(grammar_->tokens) {
  find_certain();
}

void Constraint::restrict(DrawList& list) const {
  Draw& draw = list.last();
  if (draw.given != Draw::kNone) {
    // The end of a thought that is over already, for all that is known of it, may not come.
    grammar::TokenMatcher ahead = matcher_;
    const bool ends = std::ranges::find(grammar_->ends, draw.given) != grammar_->ends.end();
    if (ends || ahead.accept(draw.given)) return;
    draw.given = Draw::kNone;
  }
  if (!certain().empty()) {
    draw.given = certain().front();
    return;
  }
  const std::span<uint32_t> mask = list.add_mask();
  const bool may_end = matcher_.is_complete();
  if (!matcher_.mask(mask)) {
    if (may_end) return list.take_back_mask();
    std::ranges::fill(mask, ~uint32_t{0});
  }
  for (const TokenId id : grammar_->ends) {
    const auto i = static_cast<size_t>(id);
    if (may_end)
      mask[i / 32] |= uint32_t{1} << (i % 32);
    else
      mask[i / 32] &= ~(uint32_t{1} << (i % 32));
  }
}

int Constraint::possible(std::span<const TokenId> draft) const {
  Constraint ahead = *this;
  int count = 0;
  for (const TokenId id : draft) {
    if (!ahead.certain().empty()) break;
    const bool ends = std::ranges::find(grammar_->ends, id) != grammar_->ends.end();
    if (ends || !ahead.matcher_.accept(id)) break;
    ++count;
    if (ahead.is_over()) break;
    ahead.note(id);
    ahead.find_certain();
  }
  return count;
}

void Constraint::take(TokenId id) {
  if (!matcher_.accept(id))
    fail(ErrorCode::kBadArgument, "token {} was forced on the answer, whose grammar does not admit it", id);
  note(id);
  if (!certain().empty() && certain().front() == id) {
    ++taken_;
  } else {
    certain_.clear();
    taken_ = 0;
  }
  if (certain().empty()) find_certain();
}

void Constraint::note(TokenId id) {
  if (last_.size() == kLast) last_.erase(last_.begin());
  last_.push_back(id);
}

void Constraint::find_certain() {
  certain_.clear();
  taken_ = 0;
  const Tokenizer& tokenizer = *grammar_->tokenizer;
  const std::string text = matcher_.forced_bytes(kMostBytes);
  if (text.size() < 2) return;
  // What stands before the text, as far as its tokens could have been others.
  const auto control = std::find_if(last_.rbegin(), last_.rend(),
                                    [&](TokenId id) { return tokenizer.kind(id) != TokenKind::kNormal; });
  const std::span<const TokenId> last(control.base(), last_.end());
  std::string before;
  for (const TokenId id : last) before += tokenizer.bytes(id);
  // Marks are control tokens where the grammar says so, and plain text within values.
  for (const bool marks : {true, false}) {
    const std::vector<TokenId> ids = tokenizer.encode({before + text, marks}, {.add_special = false});
    grammar::TokenMatcher ahead = matcher_;
    size_t bytes = 0;
    for (const TokenId id : behind(ids, last)) {
      const std::string more = tokenizer.bytes(id);
      if (text.compare(bytes, more.size(), more) != 0 || !ahead.accept(id)) break;
      bytes += more.size();
      certain_.push_back(id);
    }
    // The last one may be longer with what follows.
    if (!certain_.empty() && !(bytes == text.size() && ahead.is_at_end())) certain_.pop_back();
    if (!certain_.empty()) return;
  }
}

}  // namespace ferrum
