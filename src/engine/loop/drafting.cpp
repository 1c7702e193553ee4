#include "engine/loop/drafting.h"

#include <algorithm>

#include "base/log.h"
#include "engine/loop/current_error.h"

namespace ferrum {

void Drafting::ask(const Roster::Sequences& running) {
  for (const std::unique_ptr<Sequence>& s : running) s->draft.wanted = 0;
  const auto decodes = [](const std::unique_ptr<Sequence>& s) { return s->missing() == 1 && s->began(); };
  const auto sequences = static_cast<int>(running.size());
  if (!drafter_ || !std::ranges::all_of(running, decodes) || !pace_.knows(sequences)) return;
  for (const std::unique_ptr<Sequence>& s : running) ask_for(*s, sequences);
}

void Drafting::ask_for(Sequence& s, int sequences) {
  // The step yields one token without any draft.
  size_t room = s.job->limit - s.text().size() - 1;
  if (s.job->shift) room = std::min(room, s.job->shift->context - s.tokens.size() - 1);
  const int most = static_cast<int>(std::min(room, static_cast<size_t>(options_.draft_tokens)));
  const std::optional<int> kind = most > 0 ? drafter_->kind(s) : std::nullopt;
  if (!kind) return;
  Draft& d = s.draft;
  d.kind = *kind;
  d.wanted = pace_.tokens(d.acceptance.chance(*kind), sequences, most);
  if (d.wanted == 0 && d.acceptance.refuse()) d.wanted = 1;
}

Clock::duration Drafting::draft(const Roster::Sequences& running, std::span<int> granted) {
  drafting_.clear();
  for (size_t i = 0; i < running.size(); ++i) {
    Draft& d = running[i]->draft;
    d.tokens.clear();
    d.accepted = 0;
    if (running[i]->missing() > 1 || granted[i] < 2) continue;
    d.wanted = granted[i] - 1;
    granted[i] = 1;
    drafting_.push_back(running[i].get());
  }
  if (drafting_.empty()) return {};
  const auto begin = options_.now();
  try {
    drafter_->draft(drafting_);
  } catch (...) {
    log::error("no more drafts: {}", current_error().message);
    for (Sequence* const s : drafting_) s->draft.tokens.clear();
    drafter_ = nullptr;
  }
  for (Sequence* const s : drafting_) {
    // What cannot come would only be refused.
    if (!s->constraint || s->draft.drafted() == 0) continue;
    const int possible = s->constraint->possible(std::span(s->draft.tokens).subspan(1));
    s->draft.tokens.resize(possible == 0 ? 0 : static_cast<size_t>(possible) + 1);
  }
  return options_.now() - begin;
}

}  // namespace ferrum
