#include "engine/loop/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace ferrum {
namespace {

int blocks_for(int tokens, int block_tokens) { return (tokens + block_tokens - 1) / block_tokens; }

// New blocks that `count` more tokens need.
int blocks_needed(const RunningView& s, int count, int block_tokens) {
  return std::max(0, blocks_for(s.computed + count, block_tokens) - s.blocks) + (s.shared ? 1 : 0);
}

// The number of tokens, up to `count`, that fit in the sequence's own and `blocks` more blocks.
int tokens_within(const RunningView& s, int count, int blocks, int block_tokens) {
  if (s.shared && --blocks < 0) return 0;
  return std::clamp((s.blocks + blocks) * block_tokens - s.computed, 0, count);
}

}  // namespace

void decide(const SchedulerLimits& limits, const SchedulerState& state, Decision& decision) {
  const std::span<const RunningView> running = state.running;
  decision.kind = Decision::Kind::kRun;
  decision.tokens.assign(running.size(), 0);
  int budget = limits.batch_tokens;
  int blocks = state.available_blocks;
  int scheduled = 0;

  for (size_t i = 0; i < running.size() && budget > 0; ++i) {
    check(running[i].missing > 0, "a running sequence has something to compute");
    if (running[i].missing > 1) continue;
    const int needed = blocks_needed(running[i], 1, limits.block_tokens);
    if (needed > blocks) {
      // The last sequence is preempted. It is never the only one, because one alone fits in the cache.
      decision.kind = Decision::Kind::kPreempt;
      return;
    }
    blocks -= needed;
    --budget;
    ++scheduled;
    decision.tokens[i] = 1;
  }

  // Drafts preempt no sequence: they use the blocks that are left.
  int spare_rows = limits.spare_rows;
  for (size_t i = 0; i < running.size() && std::min(budget, spare_rows) > 0; ++i) {
    if (decision.tokens[i] != 1 || running[i].drafted == 0) continue;
    const int needed = blocks_needed(running[i], 1, limits.block_tokens);
    const int count = tokens_within(running[i], 1 + std::min({running[i].drafted, budget, spare_rows}),
                                    blocks + needed, limits.block_tokens);
    blocks -= blocks_needed(running[i], count, limits.block_tokens) - needed;
    spare_rows -= count - 1;
    budget -= count - 1;
    decision.tokens[i] = count;
  }

  int of_prompts = scheduled > 0 ? std::min(budget, state.prompt_tokens) : budget;
  for (size_t i = 0; i < running.size() && of_prompts > 0; ++i) {
    if (running[i].missing == 1) continue;
    const int most = running[i].every_row ? std::min(of_prompts, 1 + spare_rows) : of_prompts;
    const int count =
        tokens_within(running[i], std::min(running[i].missing, most), blocks, limits.block_tokens);
    if (count == 0) continue;
    if (running[i].every_row) spare_rows -= count - 1;
    blocks -= blocks_needed(running[i], count, limits.block_tokens);
    of_prompts -= count;
    ++scheduled;
    decision.tokens[i] = count;
  }
  if (scheduled == 0 && !running.empty()) {
    decision.kind = Decision::Kind::kPreempt;
    return;
  }

  if (!state.waiting || of_prompts <= 0 || static_cast<int>(running.size()) >= limits.max_sequences) return;
  // Admit it only if its whole prompt fits, plus one block for each running sequence: otherwise it would soon
  // be preempted.
  const int headroom = static_cast<int>(running.size());
  const int needed = blocks_for(state.waiting->tokens, limits.block_tokens) - state.waiting->found;
  if (needed + headroom <= blocks) decision.kind = Decision::Kind::kAdmit;
}

}  // namespace ferrum
