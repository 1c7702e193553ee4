// Tells checkpoints apart whose models compute different numbers.
#pragma once
#include "base/hash128.h"
#include "checkpoint/checkpoint.h"

namespace ferrum {

// Over every number of the description (not its name), and over each tensor, in order of names: its name,
// format, shape and bytes. Of more than 64 MiB of tensors about so much is looked at: from the beginning of
// each tensor on, 4 KiB at equal distances. So any training, merging or conversion is noticed; a few values
// changed by hand in a large file may not be. Where the file lies and how it is split plays no part.
//
// Error kBadFile if the file was cut while it was read.
Hash128 fingerprint(const Checkpoint& checkpoint);

}  // namespace ferrum
