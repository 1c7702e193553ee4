// The nouns of the loop: a request that was accepted, and one of its answers on the way.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "cache/block_table.h"
#include "engine/answer.h"
#include "ferrum/types.h"

namespace ferrum {

using Clock = std::chrono::steady_clock;

// A request whose prompt is tokens and whose parameters are valid.
struct Job {
  Request request;
  std::vector<TokenId> prompt;
  size_t limit = 0;  // tokens of a sequence, prompt included, at most
  BlockKey root;     // of its cached blocks
  SequenceFacts facts;
  uint64_t seed = 0;
  std::shared_ptr<EventSink> sink;
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> deadline;

  int open_choices = 0;  // that have not ended
};

// One choice of a job. Its tokens grow; `computed` of them have keys and values in its blocks.
struct Sequence {
  Sequence(std::shared_ptr<Job> job, int choice, int64_t rank, BlockTable blocks, Answer answer)
      : job(std::move(job)),
        choice(choice),
        rank(rank),
        tokens(this->job->prompt),
        blocks(std::move(blocks)),
        answer(std::move(answer)) {}

  int missing() const { return static_cast<int>(tokens.size()) - computed; }
  bool began() const { return tokens.size() > job->prompt.size(); }

  std::shared_ptr<Job> job;
  int choice;
  int64_t rank;
  std::vector<TokenId> tokens;
  BlockTable blocks;
  int computed = 0;
  bool resumed = false;  // it was preempted: what it finds in the cache is its own
  bool ended = false;
  Answer answer;
  Usage usage;
  Clock::time_point first_token;
};

}  // namespace ferrum
