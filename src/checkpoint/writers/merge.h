// Models with LoRA adapters merged into their weights, so that they need no adapter any more.
#pragma once
#include <filesystem>
#include <optional>
#include <vector>

#include "checkpoint/file_type.h"
#include "checkpoint/writers/row_pipeline.h"

namespace ferrum {

struct MergedAdapter {
  std::filesystem::path path;
  float scale = 1;
};

struct MergeOptions {
  std::optional<FileType> type;  // of what the adapters change; unset: as the base
  RowPipelineOptions pipeline;
};

// Writes the model `base` with what the adapters add, all of them at once, computed in float32 and rounded
// once. `target` ends in ".gguf", or is a new folder.
// - GGUF of a GGUF file: metadata and weights that no adapter changes are copied; a changed one keeps its
//   format, or gets that of `type`: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
// - GGUF of a folder: as convert() does, with the same types.
// - A folder of a folder: all files but other weights are copied; changed weights are F32, F16 or BF16.
// A head that was the embedding becomes a tensor of its own where an adapter changes one of the two.
// Memory is bounded by the adapters and a few pieces. Errors: those of Checkpoint::open, read_adapter,
// convert and OutputFile; kBadArgument: no adapter, a target that is there already, a folder of a GGUF file;
// kUnsupported naming a changed weight whose format cannot be written, or which a folder stores in an order
// of its own.
void merge(const std::filesystem::path& base, const std::vector<MergedAdapter>& adapters,
           const std::filesystem::path& target, const MergeOptions& options);

}  // namespace ferrum
