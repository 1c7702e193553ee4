#include "models/state_layers.h"

namespace ferrum {

std::vector<StateLayer> allocate_states(Arena& arena, const ModelDescription& model, int slots) {
  std::vector<StateLayer> layers(model.layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    const StateSize size = model.state_of(model.layers[i]);
    if (size.inputs > 0) layers[i].inputs = arena.allocate(DType::kF32, slots, size.inputs);
    if (size.memory > 0) layers[i].memory = arena.allocate(DType::kF32, slots, size.memory);
  }
  return layers;
}

size_t state_bytes_of_slot(const ModelDescription& model) {
  CountingArena arena;
  allocate_states(arena, model, 1);
  return arena.bytes();
}

}  // namespace ferrum
