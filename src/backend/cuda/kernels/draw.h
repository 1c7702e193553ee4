// Parameters of the kernel that draws tokens: draw.cu.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/rows.h"
#include "backend/draw.h"

namespace ferrum::cuda {

inline constexpr int kDrawThreads = 256;

// draw_tokens: the draws of a group, in order, by one block. Grid: groups from first_group on.
struct DrawTokens {
  Rows logits;
  int vocab;
  const Draw* draws;
  const int* groups;
  const LogitEdit* edits;
  const uint32_t* masks;
  int64_t masks_stride;
  Drawn* drawn;  // all results: the first of these draws is number `first`
  int* top_ids;
  float* top_logprobs;
  int64_t top_ids_stride, top_logprobs_stride;
  int first, first_group;
  float* saved;  // [groups, most_edits] logits before they were edited
  int most_edits;
  uint64_t* sorted;  // [groups, room] tokens in an order
  int room;          // a power of two, vocab or more
  int head;          // tokens that are tried first where a filter leaves few
};

}  // namespace ferrum::cuda
