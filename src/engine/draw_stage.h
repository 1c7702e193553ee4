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
#include "engine/step_upload.h"

namespace ferrum {

class DrawStage {
 public:
  struct Limits {
    int draws = 0;  // of one step
    int vocab = 0;
  };
  // Bytes that the constructor allocates on the device.
  static uint64_t bytes(const Limits& limits);
  // Uploads go through `upload`, which outlives this and has room for upload_bytes() behind what others add.
  DrawStage(Backend& backend, StepUpload& upload, const Limits& limits);
  static size_t upload_bytes(const Limits& limits);

  // Adds what the draws need of the host to the upload, as its last part, which is to be sent before they are
  // issued. REQUIRES the limits.
  void prepare(const DrawList& list);
  // Issues the draws of these rows of logits, [rows, list.width()]. REQUIRES: prepare() was called for this
  // list last, and at most one issue is not collected.
  void issue(Tensor logits, const DrawList& list);
  // Waits for the draws of the first issue that is not collected. Valid until the second issue behind it.
  DrawnTokens collect();
  // The tokens of the draws issued last, [draws, 1] i32, on the device.
  Tensor tokens() const { return tokens_of(out_.drawn); }

 private:
  static DrawResults allocate(Arena& arena, const Limits& limits);
  // The end of the draws from `begin` on whose edits and masks fit into the room for them together.
  int end_of_part(const DrawList& list, int begin) const;
  // Adds the draws [begin, end) of the list to the upload.
  void add(const DrawList& list, int begin, int end);
  bool fit(std::span<const Draw> some) const;

  Backend& backend_;
  StepUpload& upload_;
  Limits limits_;
  BackendArena arena_;
  DrawResults out_;
  size_t mark_ = 0;    // where draws begin in the upload
  Draws in_;           // those that were added last
  int prepared_ = -1;  // their end in the list, from 0; −1: none were

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
