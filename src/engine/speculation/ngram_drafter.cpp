#include "engine/speculation/ngram_drafter.h"

#include <algorithm>
#include <bit>

#include "base/random.h"
#include "engine/loop/sequence.h"

namespace ferrum {
namespace {

// The longer the match, the higher the confidence.
int kind_of(int length) { return length < 3 ? 0 : length < 5 ? 1 : length < 9 ? 2 : 3; }
static_assert(Acceptance::kKinds == 4);

}  // namespace

size_t NgramIndex::slot(TokenId before_last, TokenId last) const {
  return random_bits(static_cast<uint64_t>(before_last), static_cast<uint64_t>(last)) & (slots_.size() - 1);
}

void NgramIndex::add(std::span<const TokenId> text, size_t end) {
  const size_t at = slot(text[end - 2], text[end - 1]);
  before_.push_back(slots_[at]);
  slots_[at] = static_cast<uint32_t>(end);
}

NgramIndex::Match NgramIndex::find(std::span<const TokenId> text) {
  found = {};
  if (text.size() <= kLeast) return found;
  if (slots_.size() < text.size()) {
    slots_.assign(std::max<size_t>(1024, std::bit_ceil(2 * text.size())), 0);
    before_.clear();
    before_.reserve(slots_.size());
  }
  if (before_.empty()) before_.assign(kLeast, 0);
  // The last pair is not added before the next call, since it is the one looked up.
  for (size_t end = before_.size(); end < text.size(); ++end) add(text, end);

  uint32_t place = slots_[slot(text[text.size() - 2], text.back())];
  for (int looked = 0; place != 0 && looked < kLooked; ++looked, place = before_[place]) {
    int length = 0;
    while (length < kMost && static_cast<size_t>(length) < place &&
           text[place - 1 - static_cast<size_t>(length)] ==
               text[text.size() - 1 - static_cast<size_t>(length)])
      ++length;
    if (length >= kLeast && length > found.length) found = {place, length};
    if (found.length == kMost) break;
  }
  return found;
}

std::optional<int> NgramDrafter::kind(Sequence& s) {
  if (!s.draft.memory) s.draft.memory = std::make_unique<NgramIndex>();
  const int length = static_cast<NgramIndex&>(*s.draft.memory).find(s.text()).length;
  return length > 0 ? std::optional(kind_of(length)) : std::nullopt;
}

void NgramDrafter::draft(std::span<Sequence* const> sequences) {
  for (Sequence* const s : sequences) {
    const std::span<const TokenId> text = s->text();
    const NgramIndex::Match match = static_cast<const NgramIndex&>(*s->draft.memory).found;
    std::vector<TokenId>& tokens = s->draft.tokens;
    tokens.assign(1, text.back());
    // A draft may continue past the end of the text into itself: what repeats may repeat again.
    for (size_t i = match.next; s->draft.drafted() < s->draft.wanted; ++i) {
      const TokenId next = i < text.size() ? text[i] : tokens[i - text.size() + 1];
      if (next == kVectorRow) break;
      tokens.push_back(next);
    }
  }
}

}  // namespace ferrum
