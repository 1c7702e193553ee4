// One layer's short convolution between two gates (LFM2): a state of inputs alone.
//   [b | c | x] = W h;  y = W_out (c ⊙ conv(b ⊙ x))
#pragma once
#include <memory>

#include "backend/backend.h"
#include "models/attention.h"

namespace ferrum {

class ShortConvolution {
 public:
  struct Parts {
    std::unique_ptr<Weight> in, out;  // [3 width, hidden], [hidden, width]
    Convolution convolution;
  };
  explicit ShortConvolution(Parts parts) : p_(std::move(parts)) {}

  // c ⊙ conv(b ⊙ x) of x [tokens, hidden]: [tokens, width], in the scratch. The states go on.
  Tensor mix(Backend& backend, Tensor x, const StateLayer& state, const Step& step,
             const AttentionScratch& s) const;
  // out [rows, hidden] of rows of what mix() gave
  void project(Backend& backend, Tensor out, Tensor mixed) const { backend.linear(out, mixed, *p_.out); }

 private:
  Parts p_;
};

}  // namespace ferrum
