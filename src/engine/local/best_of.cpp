#include "engine/local/best_of.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace ferrum {

BestOf::BestOf(std::shared_ptr<EventSink> to, const Counts& counts, Tokens tokens)
    : to_(std::move(to)),
      counts_(counts),
      tokens_(tokens),
      candidates_(static_cast<size_t>(counts.drawn)),
      open_(counts.drawn) {}

// An empty answer is never the best.
double BestOf::Candidate::mean() const {
  return tokens > 0 ? logprob / tokens : -std::numeric_limits<double>::infinity();
}

void BestOf::push(Event event) {
  if (std::holds_alternative<ErrorEvent>(event) || std::holds_alternative<PromptEvent>(event))
    return to_->push(std::move(event));
  const auto choice = std::visit(
      [](const auto& e) {
        if constexpr (requires { e.choice; })
          return e.choice;
        else
          return 0;
      },
      event);
  Candidate& candidate = candidates_[static_cast<size_t>(choice)];
  const bool ends = std::holds_alternative<FinishEvent>(event);
  if (const auto* token = std::get_if<TokenEvent>(&event)) {
    candidate.logprob += token->token.logprob;
    ++candidate.tokens;
    if (tokens_ == Tokens::kKept) return;
  }
  candidate.events.push_back(std::move(event));
  if (ends && --open_ == 0) tell_best();
}

void BestOf::tell_best() {
  std::vector<size_t> order(candidates_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return candidates_[a].mean() > candidates_[b].mean(); });
  for (int place = 0; place < counts_.kept; ++place)
    for (Event& event : candidates_[order[static_cast<size_t>(place)]].events) {
      std::visit(
          [&](auto& e) {
            if constexpr (requires { e.choice; }) e.choice = place;
          },
          event);
      to_->push(std::move(event));
    }
}

}  // namespace ferrum
