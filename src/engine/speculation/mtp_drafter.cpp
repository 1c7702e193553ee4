#include "engine/speculation/mtp_drafter.h"

#include <utility>

#include "engine/loop/sequence.h"

namespace ferrum {
namespace {

constexpr int kKind = 2;  // of all drafts of this drafter

}  // namespace

std::optional<int> MtpDrafter::kind(Sequence&) { return kKind; }

void MtpDrafter::draft(std::span<Sequence* const> sequences) {
  copies_.clear();
  chunks_.clear();
  draws_.clear();
  next_.clear();
  for (Sequence* const s : sequences) {
    // The head writes where the step that confirms the draft will.
    if (!s->blocks.reserve(s->computed, s->computed + s->draft.wanted, copies_)) continue;
    s->draft.tokens.assign(1, s->tokens.back());
    collect(*s);
  }
  runner_.copy_blocks(copies_);
  while (!chunks_.empty()) run();
}

void MtpDrafter::collect(Sequence& s) {
  chunks_.push_back({.tokens = std::span(s.draft.tokens).last(1),
                     .position = s.computed + s.draft.drafted(),
                     .blocks = s.blocks.blocks(),
                     .outputs = Outputs::kLast,
                     .pages = s.blocks.pages(),
                     .adapter = s.job->adapter_use});
  next_.push_back(&s);
  const std::span<const TokenId> text = s.text();
  history_.assign(text.begin(), text.end());
  history_.insert(history_.end(), s.draft.tokens.begin() + 1, s.draft.tokens.end());
  draws_.begin_group();
  s.answer.ask_for_draft(history_, draws_.size(), draws_);
}

void MtpDrafter::run() {
  const DrawnTokens drawn = runner_.draft(chunks_, draws_);
  chunks_.clear();
  draws_.clear();
  std::swap(going_on_, next_);
  next_.clear();
  for (size_t i = 0; i < going_on_.size(); ++i) {
    Sequence& s = *going_on_[i];
    // Where no token can be drawn, the model itself will report that, or find a token.
    if (drawn.drawn[i].state != Drawn::State::kDrawn) continue;
    s.draft.tokens.push_back(drawn.drawn[i].token);
    if (s.draft.drafted() < s.draft.wanted) collect(s);
  }
}

}  // namespace ferrum
