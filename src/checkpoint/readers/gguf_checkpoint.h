#pragma once
#include <filesystem>
#include <memory>

#include "checkpoint/checkpoint.h"

namespace ferrum {

// `path` is a GGUF file, or any one of a split set.
std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path, CheckpointParts parts);

}  // namespace ferrum
