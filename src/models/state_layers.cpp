#include "models/state_layers.h"

namespace ferrum {

std::vector<StateLayer> allocate_states(Arena& arena, const ModelDescription& model, int slots) {
  std::vector<StateLayer> layers(model.layers.size());
  const DeltaDescription& d = model.delta;
  for (size_t i = 0; i < layers.size(); ++i)
    if (model.layers[i].mixer == Mixer::kDelta)
      layers[i] = {
          .inputs = arena.allocate(DType::kF32, slots, int64_t{d.kernel - 1} * d.channels()),
          .memory = arena.allocate(DType::kF32, slots, int64_t{d.value_heads} * d.key_dim * d.value_dim)};
  return layers;
}

size_t state_bytes_of_slot(const ModelDescription& model) {
  CountingArena arena;
  allocate_states(arena, model, 1);
  return arena.bytes();
}

}  // namespace ferrum
