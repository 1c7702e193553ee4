// Loads a model from a checkpoint onto a backend.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/checkpoint.h"
#include "models/decoder.h"
#include "models/encoder.h"
#include "models/text_head.h"

namespace ferrum {

// Called as weights are packed; both in bytes of the checkpoint.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// The checkpoint and the backend must outlive the model: weights may be read where the checkpoint has
// mapped them. limits.max_positions also decides the rotation tables (see rope.h). Error kNoMemory;
// kUnsupported for a layer that the backend cannot compute; kBadFile if the file was cut while it was read.
std::unique_ptr<Model> load_model(Backend& backend, const Checkpoint& checkpoint, const DecoderLimits& limits,
                                  const LoadProgress& progress = {});

// The layers behind the pooling, of a checkpoint that has such a head. Errors as load_model.
TextHeadWeights load_text_head(Backend& backend, const Checkpoint& checkpoint);

// The weights that load_model packs, in its order, without their biases: nothing is read from the file.
std::vector<WeightSource> weights_of(const Checkpoint& checkpoint);

// Bytes of the rotation tables for sequences of that length.
uint64_t rotation_bytes(const ModelDescription& model, int positions);

}  // namespace ferrum
