// The nouns of the loop: an accepted request, and one of its answers in progress.
#pragma once
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "cache/block_table.h"
#include "engine/adapter_in_use.h"
#include "engine/answer.h"
#include "engine/constraint.h"
#include "engine/loop/drafter.h"
#include "engine/prompt_chances.h"
#include "engine/reasoning.h"
#include "engine/vector_rows.h"
#include "ferrum/types.h"

namespace ferrum {

using Clock = std::chrono::steady_clock;

inline double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

// How a sequence continues when its context is full: half of the tokens after the first `keep` are dropped.
struct ContextShift {
  size_t context = 0;  // largest number of tokens that the model sees
  size_t keep = 0;
};

// A request whose prompt is tokens and whose parameters are valid.
struct Job {
  Request request;
  std::vector<TokenId> prompt;
  size_t limit = 0;                   // largest number of tokens of a sequence, prompt included
  std::optional<ContextShift> shift;  // if empty, the limit is within the context
  BlockKey root;                      // of its cached blocks
  std::vector<int> kept_states;  // positions of the prompt, ascending, whole blocks: where states are kept
  std::shared_ptr<const AdapterInUse> adapter;  // or null
  AdapterUse adapter_use;
  std::shared_ptr<const VectorRows> vectors;  // of the prompt, where it has kVectorRow; or null
  SequenceFacts facts;
  std::shared_ptr<const ThoughtMarks> thoughts;  // null: the model has none
  bool prompt_thinks = false;                    // it opened a thought
  std::shared_ptr<const AnswerForm> form;        // null: answers are text
  std::shared_ptr<const AnswerGrammar> grammar;  // null: any answer will do
  uint64_t seed = 0;
  std::shared_ptr<EventSink> sink;
  std::shared_ptr<void> place;  // in the queue, until the request is admitted
  Clock::time_point submitted = Clock::now();
  std::optional<Clock::time_point> deadline;

  int64_t number = 0;    // its place in the order of arrival
  int open_choices = 0;  // that have not ended

  // Largest number of tokens of a sequence that the model sees at once.
  size_t most_tokens() const { return shift ? std::min(limit, shift->context) : limit; }
};

// Each choice of a request has random numbers of its own; the first has those of a request with one choice.
uint64_t seed_of(const Job& job, int choice);

// One choice of a job. Its tokens grow; `computed` of them have keys and values in its blocks.
struct Sequence {
  enum class Phase : uint8_t { kWaits, kPrefills, kDecodes };

  // Without a tokenizer its answer has no text.
  Sequence(std::shared_ptr<Job> job, int choice, int64_t rank, BlockTable blocks, const Tokenizer* tokenizer);

  int missing() const { return static_cast<int>(tokens.size()) - computed; }
  bool began() const { return usage.generated_tokens > 0; }
  // Prompt and answer, including tokens that the model no longer sees.
  std::span<const TokenId> text() const { return shifted.empty() ? tokens : shifted; }
  // Each row of its prompt is read out.
  bool reads_prompt() const {
    return prompt_chances || (!began() && job->request.hidden_states == Request::HiddenStates::kAll);
  }
  bool at_end() const { return text().size() >= job->limit; }
  // Tokens that are certain to come are taken without being drawn. Not where each draw is reported.
  bool takes_certain() const {
    return !job->request.logprobs && job->request.hidden_states == Request::HiddenStates::kNone;
  }

  // Its first `computed` tokens are in its blocks, and if a model keeps states, its own stands behind them.
  void fill();
  // Gives its blocks back: the model reads all of its tokens again, as if they were a prompt.
  void recompute();
  // The same, after the older half of the tokens that may go was dropped. Requires a full context.
  void shift();

  std::shared_ptr<Job> job;
  int choice;
  int64_t rank;
  std::vector<TokenId> tokens;   // that the model sees
  std::vector<TokenId> shifted;  // text(), once the context has been shifted
  BlockTable blocks;
  int shifts = 0;  // of the context
  int computed = 0;
  Phase phase = Phase::kWaits;
  Clock::time_point since;  // start of this phase
  bool admitted = false;    // it has left the queue at least once
  bool resumed = false;     // it was preempted or shifted: its cache hits are its own tokens
  bool ended = false;
  Answer answer;
  std::optional<Constraint> constraint;
  std::unique_ptr<PromptChances> prompt_chances;  // not sent yet
  int hidden_sent = 0;                            // positions, up to the last whose hidden state was sent
  Reasoning reasoning;
  Draft draft;
  Usage usage;
  Clock::time_point first_token;
};

}  // namespace ferrum
