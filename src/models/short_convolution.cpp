#include "models/short_convolution.h"

namespace ferrum {

Tensor ShortConvolution::mix(Backend& b, Tensor x, const StateLayer& state, const Step& step,
                             const AttentionScratch& s) const {
  const int width = p_.out->cols();
  const Tensor in = {s.qkv.data, s.qkv.dtype, x.rows, 3 * width, 3 * width};
  b.linear(in, x, *p_.in);
  const Tensor mixed = in.columns(2 * width, width);
  b.apply_gate(mixed, in.columns(0, width), GateKind::kItself);
  b.convolve(mixed, state, step, p_.convolution);
  b.apply_gate(mixed, in.columns(width, width), GateKind::kItself);
  return mixed;
}

}  // namespace ferrum
