#include "models/layer_mixer.h"

#include <type_traits>

namespace ferrum {

Tensor LayerMixer::mix(Backend& b, Tensor x, Tensor room, const Memory& memory, const Step& step,
                       const AttentionScratch& s, Wanted wanted) const {
  if (scales_.in != 1) {
    b.norm(room, x, {});  // a copy
    b.scale(room, scales_.in, 0);
    x = room;
  }
  const auto mix_recurrent = [&](const auto& mixer) { return mixer.mix(b, x, memory.state, step, s); };
  const auto attend = [&](const auto& mixer) {
    mixer.store(b, x, memory.kv, step, s);
    return wanted == Wanted::kYes ? mixer.attend(b, x, memory.kv, step, s) : Tensor();
  };
  return std::visit(
      [&](const auto& mixer) {
        if constexpr (requires { &std::remove_cvref_t<decltype(mixer)>::mix; })
          return mix_recurrent(mixer);
        else
          return attend(mixer);
      },
      kind_);
}

void LayerMixer::project(Backend& b, Tensor out, Tensor mixed) const {
  std::visit([&](const auto& mixer) { mixer.project(b, out, mixed); }, kind_);
  if (scales_.out != 1) b.scale(out, scales_.out, 0);
}

}  // namespace ferrum
