// The draws of a step on their way to the backend and back: device memory for them, and where their results
// land on the host. Those of two steps may be under way.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "engine/sampling/draw_list.h"
#include "engine/sampling/drawn_tokens.h"

namespace ferrum {

class DrawStage {
 public:
  struct Limits {
    int draws = 0;  // of one step
    int vocab = 0;
  };
  // Bytes that are allocated on the device.
  static uint64_t bytes(const Limits& limits);

  DrawStage(Backend& backend, const Limits& limits);

  // Issues the draws of these rows of logits, [rows, list.width()]. REQUIRES the limits, and that at most one
  // issue is not collected.
  void issue(Tensor logits, const DrawList& list);
  // Waits for the draws of the first issue that is not collected. Valid until the second issue behind it.
  DrawnTokens collect();
  // The tokens of the draws issued last, [draws, 1] i32, on the device.
  Tensor tokens() const { return tokens_of(memory_.out.drawn); }

 private:
  struct Memory {
    Draws in;
    DrawResults out;
  };
  static Memory allocate(Arena& arena, const Limits& limits);
  // Issues the draws [begin, end) of the list, whose edits and masks fit into the memory for them.
  void issue_some(Tensor logits, const DrawList& list, int begin, int end);
  bool fit(std::span<const Draw> some) const;

  Backend& backend_;
  Limits limits_;
  BackendArena arena_;
  Memory memory_;

  // What came of one issue.
  struct Results {
    int draws = 0;
    bool has_top = false;
    std::unique_ptr<Landing> drawn, top_ids, top_logprobs;
  };
  std::array<Results, 2> results_;      // used in turns
  int64_t issued_ = 0, collected_ = 0;  // how often: modulo 2, which is next

  // Host copies, reused from step to step.
  std::vector<Draw> draws_;
  std::vector<int32_t> groups_;
};

}  // namespace ferrum
