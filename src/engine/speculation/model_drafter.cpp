#include "engine/speculation/model_drafter.h"

#include <algorithm>
#include <utility>

#include "engine/loop/sequence.h"

namespace ferrum {
namespace {

// A sequence that lags further behind than this catches up in a separate step without a draft, so that its
// time is not taken for drafting time.
constexpr int kLag = 16;
constexpr int kKind = 2;  // of all drafts of this drafter

}  // namespace

class ModelDrafter::Memory final : public DraftMemory {
 public:
  Memory(PrefixCache& cache, const BlockKey& root) : blocks(cache, root) {}

  BlockTable blocks;
  // The tokens whose keys and values are in the blocks: the sequence's, then drafted ones.
  std::vector<TokenId> seen;
  size_t certain = 0;  // how many of them are the sequence's
  int shifts = 0;      // number of context shifts seen
};

ModelDrafter::ModelDrafter(StepRunner& runner, const Limits& limits)
    : runner_(runner),
      limits_(limits),
      cache_(limits.cache),
      draws_(limits.vocab, std::min(limits.vocab, runner.vocab())) {
  history_.reserve(static_cast<size_t>(limits.max_context));
}

ModelDrafter::Memory& ModelDrafter::memory_of(Sequence& s) { return static_cast<Memory&>(*s.draft.memory); }

std::optional<int> ModelDrafter::kind(Sequence& s) {
  // A draft model has no use for vectors of another width.
  if (static_cast<int>(s.tokens.size()) >= limits_.max_context || s.job->vectors) return std::nullopt;
  if (!s.draft.memory) s.draft.memory = std::make_unique<Memory>(cache_, s.job->root);
  return kKind;
}

void ModelDrafter::draft(std::span<Sequence* const> sequences) {
  chunks_.clear();
  draws_.clear();
  next_.clear();
  int budget = limits_.batch_tokens;
  for (Sequence* const s : sequences) catch_up(*s, budget);
  while (!chunks_.empty()) run();
}

void ModelDrafter::catch_up(Sequence& s, int& budget) {
  Memory& m = memory_of(s);
  if (m.shifts != s.shifts) {
    m.blocks.release();
    m.seen.clear();
    m.certain = 0;
    m.shifts = s.shifts;
  }
  // Drafted tokens that turned out right stay.
  while (m.certain < m.seen.size() && m.certain + 1 < s.tokens.size() &&
         m.seen[m.certain] == s.tokens[m.certain])
    ++m.certain;
  m.blocks.fill(s.tokens, static_cast<int>(m.certain));
  m.blocks.shrink(static_cast<int>(m.certain));
  if (m.certain % static_cast<size_t>(cache_.block_tokens()) == 0)
    m.certain = static_cast<size_t>(m.blocks.match(s.tokens));
  m.seen.assign(s.tokens.begin(), s.tokens.begin() + static_cast<std::ptrdiff_t>(m.certain));

  s.draft.tokens.clear();
  const auto missing = static_cast<int>(s.tokens.size() - m.certain);
  const std::span<const TokenId> rest = std::span(s.tokens).subspan(m.certain);
  if (missing > kLag) {
    const int count = std::min(missing - 1, budget);
    budget -= count;
    collect(s, rest.first(static_cast<size_t>(count)), Outputs::kNone);
    m.certain = m.seen.size();
  } else if (missing <= budget) {
    budget -= missing;
    s.draft.tokens.assign(1, s.tokens.back());
    collect(s, rest, Outputs::kLast);
    m.certain = m.seen.size();
  }
}

bool ModelDrafter::knows(std::span<const TokenId> tokens) const {
  return std::ranges::all_of(tokens, [this](TokenId id) { return id < runner_.vocab(); });
}

void ModelDrafter::collect(Sequence& s, std::span<const TokenId> tokens, Outputs outputs) {
  Memory& m = memory_of(s);
  const auto begin = static_cast<int>(m.seen.size());
  const int end = begin + static_cast<int>(tokens.size());
  if (tokens.empty() || end > limits_.max_context || !knows(tokens) || !m.blocks.reserve(begin, end, copies_))
    return;
  chunks_.push_back({.tokens = tokens,
                     .position = begin,
                     .blocks = m.blocks.blocks(),
                     .outputs = outputs,
                     .pages = m.blocks.pages()});
  m.seen.insert(m.seen.end(), tokens.begin(), tokens.end());
  if (outputs == Outputs::kNone) return;
  next_.push_back(&s);
  const std::span<const TokenId> text = s.text();
  history_.assign(text.begin(), text.end());
  history_.insert(history_.end(), s.draft.tokens.begin() + 1, s.draft.tokens.end());
  draws_.begin_group();
  s.answer.ask_for_draft(history_, draws_.size(), draws_);
}

void ModelDrafter::run() {
  runner_.copy_blocks(copies_);
  runner_.launch(chunks_, draws_);
  const DrawnTokens drawn = runner_.collect();
  copies_.clear();
  chunks_.clear();
  draws_.clear();
  std::swap(going_on_, next_);
  next_.clear();
  for (size_t i = 0; i < going_on_.size(); ++i) {
    Sequence& s = *going_on_[i];
    std::vector<TokenId>& tokens = s.draft.tokens;
    // Where no token can be drawn, the model itself will report that, or find a token.
    if (drawn.drawn[i].state != Drawn::State::kDrawn) continue;
    tokens.push_back(drawn.drawn[i].token);
    if (s.draft.drafted() < s.draft.wanted) collect(s, std::span(tokens).last(1), Outputs::kLast);
  }
}

}  // namespace ferrum
