#include "models/delta_mixer.h"

namespace ferrum {

Tensor DeltaMixer::mix(Backend& b, Tensor x, const StateLayer& state, const Step& step,
                       const AttentionScratch& s) const {
  const Tensor in = shaped(s.qkv, x.rows, p_.rule.in_width());
  const Tensor out = shaped(s.attended, x.rows, p_.rule.value_width());
  b.linear(in, x, *p_.in);
  each_wave(b, step, in, out, s.wave, [&](Tensor rows_in, Tensor rows_out, const Step& rows) {
    b.convolve(rows_in.columns(0, p_.rule.channels()), state, rows, p_.convolution);
    b.delta_rule(rows_out, rows_in, state, rows, p_.rule);
  });
  return out;
}

}  // namespace ferrum
