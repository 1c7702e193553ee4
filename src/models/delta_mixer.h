// One layer's gated delta rule: projections, convolution, the state's recurrence.
#pragma once
#include <memory>

#include "backend/backend.h"
#include "models/attention.h"

namespace ferrum {

class DeltaMixer {
 public:
  struct Parts {
    std::unique_ptr<Weight> in, out;  // [in_width, hidden], [hidden, value_width]
    Convolution convolution;
    DeltaRule rule;
  };
  explicit DeltaMixer(Parts parts) : p_(std::move(parts)) {}

  // What the heads give of x [tokens, hidden]: [tokens, value_width], in the scratch. The states go on.
  Tensor mix(Backend& backend, Tensor x, const StateLayer& state, const Step& step,
             const AttentionScratch& s) const;
  // out [rows, hidden] of rows of what mix() gave
  void project(Backend& backend, Tensor out, Tensor mixed) const { backend.linear(out, mixed, *p_.out); }

 private:
  Parts p_;
};

}  // namespace ferrum
