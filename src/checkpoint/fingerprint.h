// A fingerprint of a checkpoint: it differs where the models compute different numbers.
#pragma once
#include "base/hash128.h"
#include "checkpoint/checkpoint.h"

namespace ferrum {

// Over every number of the description (not its name), and over each tensor, in order of names: its name,
// format, shape and bytes. Where the tensors exceed 64 MiB, about 64 MiB of them are sampled: 4 KiB at
// equal distances, from the beginning of each tensor. So any training, merging or conversion is detected; a
// few values edited by hand in a large file may not be. The path and the split into files do not matter.
//
// Error kBadFile if the file was cut while it was read.
Hash128 fingerprint(const Checkpoint& checkpoint);

}  // namespace ferrum
