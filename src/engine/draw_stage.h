// The draws of a step on their way to the backend and back: device memory for them, and host copies of what
// came of them.
#pragma once
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

  // Issues the draws of these rows of logits, [rows, list.width()]. REQUIRES the limits.
  void issue(Tensor logits, const DrawList& list);
  // Waits for the draws issued last. Valid until the next ones are issued.
  DrawnTokens collect();

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
  int issued_ = 0;
  bool has_top_ = false;

  // Host copies, reused from step to step.
  std::vector<Draw> draws_;
  std::vector<int32_t> groups_;
  std::vector<Drawn> drawn_;
  std::vector<int32_t> top_ids_;
  std::vector<float> top_logprobs_;
};

}  // namespace ferrum
