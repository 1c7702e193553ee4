// One layer's state space (Mamba-2): projections, convolution, the state's recurrence.
#pragma once
#include <array>
#include <memory>

#include "backend/backend.h"
#include "models/attention.h"

namespace ferrum {

class StateSpaceMixer {
 public:
  struct Parts {
    std::unique_ptr<Weight> in, out;  // [in_width, hidden], [hidden, width]
    Convolution convolution;
    StateSpace space;
    std::array<float, 5> scales = {1, 1, 1, 1, 1};  // of z, x, B, C and dt as they are projected
  };
  explicit StateSpaceMixer(Parts parts) : p_(std::move(parts)) {}

  // What the heads give of x [tokens, hidden]: [tokens, width], in the scratch. The states go on.
  Tensor mix(Backend& backend, Tensor x, const StateLayer& state, const Step& step,
             const AttentionScratch& s) const;
  // out [rows, hidden] of rows of what mix() gave
  void project(Backend& backend, Tensor out, Tensor mixed) const { backend.linear(out, mixed, *p_.out); }

 private:
  Parts p_;
};

}  // namespace ferrum
