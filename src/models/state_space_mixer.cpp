#include "models/state_space_mixer.h"

namespace ferrum {

Tensor StateSpaceMixer::mix(Backend& b, Tensor x, const StateLayer& state, const Step& step,
                            const AttentionScratch& s) const {
  const StateSpace& space = p_.space;
  const Tensor in = shaped(s.qkv, x.rows, space.in_width());
  const Tensor out = shaped(s.attended, x.rows, space.width());
  b.linear(in, x, *p_.in);
  const int sizes[] = {space.width(), space.width(), space.group_width(), space.group_width(), space.heads};
  for (int i = 0, first = 0; i < std::ssize(sizes); first += sizes[i++])
    if (const float scale = p_.scales[static_cast<size_t>(i)]; scale != 1)
      b.scale(in.columns(first, sizes[i]), scale, 0);
  each_wave(b, step, in, out, s.wave, [&](Tensor rows_in, Tensor rows_out, const Step& rows) {
    b.convolve(rows_in.columns(space.width(), space.channels()), state, rows, p_.convolution);
    b.state_space(rows_out, rows_in, state, rows, space);
  });
  return out;
}

}  // namespace ferrum
