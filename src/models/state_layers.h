// The memory of recurrent layers: a state of fixed size for each slot.
#pragma once
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/model_description.h"

namespace ferrum {

// Bytes of one slot, all layers together; 0: the model has no recurrent layers.
size_t state_bytes_of_slot(const ModelDescription& model);
// A layer's tensors are empty where it keeps no state.
std::vector<StateLayer> allocate_states(Arena& arena, const ModelDescription& model, int slots);

}  // namespace ferrum
