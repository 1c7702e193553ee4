// The nouns of the loop: a request that was accepted, and one of its answers on the way.
#pragma once
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "cache/block_table.h"
#include "engine/answer.h"
#include "engine/prompt_chances.h"
#include "engine/reasoning.h"
#include "engine/speculation/drafter.h"
#include "ferrum/types.h"

namespace ferrum {

using Clock = std::chrono::steady_clock;

// What a sequence does that fills its context: it goes on without the tokens after the first `keep`, half of
// them.
struct ContextShift {
  size_t context = 0;  // tokens that the model sees at most
  size_t keep = 0;
};

// A request whose prompt is tokens and whose parameters are valid.
struct Job {
  Request request;
  std::vector<TokenId> prompt;
  size_t limit = 0;                   // tokens of a sequence, prompt included, at most
  std::optional<ContextShift> shift;  // else the limit is within the context
  BlockKey root;                      // of its cached blocks
  SequenceFacts facts;
  std::optional<ReasoningMarks> reasoning;
  uint64_t seed = 0;
  std::shared_ptr<EventSink> sink;
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> deadline;

  int64_t number = 0;    // of the loop's requests, in order of arrival
  int open_choices = 0;  // that have not ended

  // Of a sequence that the model sees at once.
  size_t most_tokens() const { return shift ? std::min(limit, shift->context) : limit; }
};

// One choice of a job. Its tokens grow; `computed` of them have keys and values in its blocks.
struct Sequence {
  enum class Phase : uint8_t { kWaits, kPrefills, kDecodes };

  Sequence(std::shared_ptr<Job> job, int choice, int64_t rank, BlockTable blocks, Answer answer)
      : job(std::move(job)),
        choice(choice),
        rank(rank),
        blocks(std::move(blocks)),
        since(this->job->submitted),
        answer(std::move(answer)),
        reasoning(this->job->reasoning, this->job->prompt) {
    // All that it may grow to: a step allocates nothing.
    const size_t most = this->job->most_tokens();
    tokens.reserve(most);
    tokens = this->job->prompt;
    this->blocks.expect(static_cast<int>(most));
  }

  int missing() const { return static_cast<int>(tokens.size()) - computed; }
  bool began() const { return usage.generated_tokens > 0; }
  // Prompt and answer, with what the model does not see any more.
  std::span<const TokenId> text() const { return shifted.empty() ? tokens : shifted; }

  std::shared_ptr<Job> job;
  int choice;
  int64_t rank;
  std::vector<TokenId> tokens;   // that the model sees
  std::vector<TokenId> shifted;  // text(), once it is more than that
  BlockTable blocks;
  int shifts = 0;  // of the context
  int computed = 0;
  Phase phase = Phase::kWaits;
  Clock::time_point since;  // it is in this phase
  bool admitted = false;    // it ran in a step, or will in the next
  bool resumed = false;     // it was preempted or shifted: what it finds in the cache is its own
  bool ended = false;
  Answer answer;
  std::unique_ptr<PromptChances> prompt_chances;  // that are still to be told
  Reasoning reasoning;
  Draft draft;
  Usage usage;
  Clock::time_point first_token;
};

}  // namespace ferrum
