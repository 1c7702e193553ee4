// What the next step computes: a pure function of the sequences' needs and what the cache has left. It knows
// no device, no text and no time.
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
  int missing = 0;         // tokens not computed yet, at least 1; one that decodes lacks just 1
  int computed = 0;        // tokens
  int blocks = 0;          // held
  int drafted = 0;         // tokens that one that decodes would try beside
  bool every_row = false;  // each of its tokens takes a row of logits
  bool shared = false;     // the block that the next token goes into is somebody else's as well, so is copied
};

// The first sequence in the queue.
struct WaitingView {
  int tokens = 0;  // to be computed or found in the cache before the first new one
  int found = 0;   // blocks that are in the cache and in use: they cost nothing
};

struct SchedulerState {
  std::span<const RunningView> running;  // best rank first
  std::optional<WaitingView> waiting;
  int available_blocks = 0;
  int prompt_tokens = 0;  // of prompts in this step at most, as long as something decodes
};

// One of three moves. After the first two the state has changed: decide again.
struct Decision {
  enum class Kind {
    kAdmit,    // the first in the queue runs from now on
    kPreempt,  // the last of `running` gives back its blocks and waits
    kRun,      // compute tokens[i] tokens of running sequence i: all 0 where there is nothing to do
  } kind = Kind::kRun;
  std::vector<int> tokens;
};

// Sequences that decode come first, with what they drafted as far as there is room, then prompts in chunks,
// all by rank; what does not fit waits. Out of blocks, the last by rank makes room; the first always comes
// on, if the cache can hold it alone. `decision` is reused from step to step.
void decide(const SchedulerLimits& limits, const SchedulerState& state, Decision& decision);

// The order in which requests are served: a higher priority first, then the earlier. Each priority is worth
// kAging later requests, so no more of them than that overtake anyone.
constexpr int64_t kAging = 256;
constexpr int64_t rank_of(int priority, int64_t arrival) { return priority * kAging - arrival; }

}  // namespace ferrum
