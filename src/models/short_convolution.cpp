#include "models/short_convolution.h"

namespace ferrum {

Tensor ShortConvolution::mix(Backend& b, Tensor x, const StateLayer& state, const Step& step,
                             const AttentionScratch& s) const {
  const int width = p_.out->cols();
  const Tensor in = shaped(s.qkv, x.rows, 3 * width);
  b.linear(in, x, *p_.in);
  const Tensor mixed = in.columns(2 * width, width);
  b.apply_gate(mixed, in.columns(0, width), GateKind::kItself);
  const WaveRoom in_place = {s.wave.in, s.wave.in};
  each_wave(b, step, mixed, mixed, in_place,
            [&](Tensor rows, Tensor, const Step& wave) { b.convolve(rows, state, wave, p_.convolution); });
  b.apply_gate(mixed, in.columns(width, width), GateKind::kItself);
  return mixed;
}

}  // namespace ferrum
