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
    // Where gate and rates are products of low rank, `in` is of the channels alone. Null: they are not.
    // [value_heads, hidden]; [2 rank, hidden], the gate's over the rates'; [value_width, rank]; [rates, rank]
    std::unique_ptr<Weight> beta, down, gate, rates;
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
  void project_in(Backend& backend, Tensor in, Tensor x, const AttentionScratch& s) const;

  Parts p_;
};

}  // namespace ferrum
