// Keeps the best of several answers to one request: the ones with the highest mean log probability of tokens.
#pragma once
#include <memory>
#include <vector>

#include "engine/answer.h"

namespace ferrum {

class BestOf final : public EventSink {
 public:
  // Passes the best `kept` of `drawn` choices on to `to`, the best as choice 0, once the last has ended.
  struct Counts {
    int drawn = 0;
    int kept = 0;
  };
  enum class Tokens { kTold, kKept };  // whether the reader wants the token events, which this class needs
  BestOf(std::shared_ptr<EventSink> to, const Counts& counts, Tokens tokens);

  void push(Event event) override;
  bool cancelled() const override { return to_->cancelled(); }

 private:
  struct Candidate {
    std::vector<Event> events;
    double logprob = 0;  // of all tokens
    int tokens = 0;

    double mean() const;
  };
  void tell_best();

  std::shared_ptr<EventSink> to_;
  Counts counts_;
  Tokens tokens_;
  std::vector<Candidate> candidates_;  // [drawn]
  int open_;
};

}  // namespace ferrum
