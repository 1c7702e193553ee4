// Decides what the next step computes: a pure function of the sequences' needs and the free blocks of the
// cache. It uses no device, text or clock.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ferrum {

struct SchedulerLimits {
  int batch_tokens = 0;   // rows of a step
  int max_sequences = 0;  // of a step
  int block_tokens = 0;
  int spare_rows = 0;  // of logits of a step, beside one for each sequence
};

// A sequence that holds blocks.
struct RunningView {
  int missing = 0;         // tokens not computed yet, at least 1; exactly 1 while decoding
  int computed = 0;        // tokens
  int blocks = 0;          // held
  int drafted = 0;         // tokens that a decoding sequence would like to verify as well
  bool every_row = false;  // each of its tokens needs a row of logits
  bool shared = false;     // another sequence has the block of the next token as well, so it must be copied
};

// The first sequence in the queue.
struct WaitingView {
  int tokens = 0;  // to compute or to find in the cache before the first new one
  int found = 0;   // cached blocks that are in use: they cost nothing
};

struct SchedulerState {
  std::span<const RunningView> running;  // best rank first
  std::optional<WaitingView> waiting;
  int available_blocks = 0;
  int prompt_tokens = 0;  // of prompts in this step at most, if any sequence decodes
};

// One of three moves. The first two change the state: decide again afterwards.
struct Decision {
  enum class Kind {
    kAdmit,    // move the first of the queue into `running`
    kPreempt,  // move the last of `running` to the queue and free its blocks
    kRun,      // compute tokens[i] tokens of running sequence i; all are 0 if there is nothing to do
  } kind = Kind::kRun;
  std::vector<int> tokens;
};

// Decoding sequences go first, with as much of their drafts as fits, then prompts in chunks, all in order of
// rank; the rest waits. If blocks run out, the sequence of the lowest rank is preempted; the first always
// makes progress if the cache can hold it alone. `decision` is reused from step to step.
void decide(const SchedulerLimits& limits, const SchedulerState& state, Decision& decision);

// Requests are served in order of rank: by priority, then by arrival. One level of priority is worth kAging
// arrivals, so at most that many later requests overtake a request per level.
constexpr int64_t kAging = 256;
constexpr int64_t rank_of(int priority, int64_t arrival) { return priority * kAging - arrival; }

}  // namespace ferrum
