#include "models/delta_mixer.h"

namespace ferrum {

void DeltaMixer::project_in(Backend& b, Tensor in, Tensor x, const AttentionScratch& s) const {
  if (!p_.down) return b.linear(in, x, *p_.in);
  const DeltaRule& rule = p_.rule;
  const int z = rule.channels();
  const int beta = z + rule.value_width();
  const int rank = p_.gate->cols();
  // Nothing is attended to yet.
  const Tensor low = shaped(s.attended, x.rows, 2 * rank);
  b.linear(in.columns(0, rule.channels()), x, *p_.in);
  b.linear(low, x, *p_.down);
  b.linear(in.columns(z, rule.value_width()), low.columns(0, rank), *p_.gate);
  b.linear(in.columns(beta, rule.value_heads), x, *p_.beta);
  b.linear(in.columns(beta + rule.value_heads, rule.rates()), low.columns(rank, rank), *p_.rates);
}

Tensor DeltaMixer::mix(Backend& b, Tensor x, const StateLayer& state, const Step& step,
                       const AttentionScratch& s) const {
  const Tensor in = shaped(s.qkv, x.rows, p_.rule.in_width());
  const Tensor out = shaped(s.attended, x.rows, p_.rule.value_width());
  project_in(b, in, x, s);
  each_wave(b, step, in, out, s.wave, [&](Tensor rows_in, Tensor rows_out, const Step& rows) {
    b.convolve(rows_in.columns(0, p_.rule.channels()), state, rows, p_.convolution);
    b.delta_rule(rows_out, rows_in, state, rows, p_.rule);
  });
  return out;
}

}  // namespace ferrum
