#pragma once
#include <filesystem>
#include <memory>

#include "checkpoint/checkpoint.h"

namespace ferrum {

// `folder` has config.json and safetensors files.
std::unique_ptr<Checkpoint> open_hf_checkpoint(const std::filesystem::path& folder, CheckpointParts parts);

}  // namespace ferrum
