// The folder of a model with adapters merged in.
#pragma once
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "checkpoint/adapters/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/writers/merge.h"

namespace ferrum {

// merge() of the folder `source` to the folder `target`; `checkpoint` is its own.
void merge_folder(const Checkpoint& checkpoint, const std::filesystem::path& source,
                  const std::vector<std::pair<std::shared_ptr<const Adapter>, float>>& adapters,
                  const std::filesystem::path& target, const MergeOptions& options);

}  // namespace ferrum
