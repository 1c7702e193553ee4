// What a user can do where a model does not fit into memory, in numbers.
#pragma once
#include <cstdint>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/file_type.h"
#include "engine/memory_plan.h"
#include "ferrum/engine.h"

namespace ferrum {

struct WhatFits {
  int context = 0;            // the longest that fits as things are; 0: none that is of use
  int int8_context = 0;       // the longest with keys and values of type int8, where that is more; else 0
  std::string type;           // of a file that fits with the requested context; empty if none does
  uint64_t type_weights = 0;  // its bytes
};

// Of one model, with one sequence's context in the cache and `others` (bytes: of a draft model, say) beside
// it and the kernels.
WhatFits what_fits(const Checkpoint& checkpoint, const EngineOptions& options, DeviceMemory device,
                   uint64_t others = 0);

// "--max-context 4096; --kv-dtype int8; a file of type Q4_K_M (4.6 GiB)", or that nothing does.
std::string remedies_text(const WhatFits& fits, const EngineOptions& options, int context);

// The weights as a file of this type would hold them.
uint64_t weights_as(FileType type, const Checkpoint& checkpoint);

}  // namespace ferrum
