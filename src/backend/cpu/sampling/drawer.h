// The draws of Backend::draw on the CPU, with scratch memory: one for each worker.
#pragma once
#include <span>
#include <vector>

#include "backend/cpu/sampling/candidates.h"
#include "backend/cpu/sampling/logit_row.h"
#include "backend/draw.h"

namespace ferrum::cpu {

// One call of Backend::draw.
struct DrawCall {
  const DrawResults& out;
  Tensor logits;
  const Draws& draws;
  int first;
};

class Drawer {
 public:
  // Makes room for rows of this many logits, so that their draws allocate nothing. Throws std::bad_alloc.
  void reserve(size_t logits);
  // What it takes.
  static size_t bytes_for(size_t logits);

  // Throws std::bad_alloc where there was not enough room and is none, after which the logits may be changed.
  void draw_group(const DrawCall& call, int group);

 private:
  void make(const DrawCall& call, int index);
  // Sets token, state and bound.
  void pick(const Draw& draw, std::span<const LogitEdit> edits, const uint32_t* mask, std::span<float> row,
            Drawn& drawn);
  // Changes the row and keeps what was there before.
  void apply(std::span<const LogitEdit> edits, std::span<float> row);
  void restore(std::span<const LogitEdit> edits, std::span<float> row) const;
  std::span<const float> masked(std::span<const float> row, const uint32_t* mask);
  // Of the row that was read, at the temperature that was set.
  int32_t draw(const Draw& draw);
  void write_logprobs(const DrawCall& call, const Draw& draw, int index, std::span<const float> row,
                      Drawn& drawn);

  LogitRow row_;
  const RowKernels& row_kernels_ = row_kernels();
  Candidates candidates_;
  std::vector<float> before_;  // of the edited logits
  std::vector<float> masked_;  // [vocab]
};

}  // namespace ferrum::cpu
