// Models with random weights in the shape of a real one, as GGUF: for measuring speed and memory, and for
// tests, where the real weights are too large to download.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "checkpoint/file_type.h"
#include "checkpoint/writers/row_pipeline.h"

namespace ferrum {

struct SynthesizeOptions {
  FileType type = FileType::kQ4_K_M;
  uint64_t seed = 0;
  std::optional<int> layers;                       // fewer than the configuration has
  std::optional<std::filesystem::path> tokenizer;  // tokenizer.json, a folder with one, or a GGUF file
  RowPipelineOptions pipeline;
};

// `config` is a config.json or the folder of one. Weights have mean 0 and deviation 1/√(width of the input),
// norms are 1, so activations and logits stay of the order of 1 through any number of layers. The same
// (config, type, seed, tokenizer) give the same bytes. Memory is bounded by a few pieces and the tokenizer.
// Errors as of parse_hf_config, GgufWriter and set_model_metadata; kBadArgument for more layers than there
// are.
void synthesize(const std::filesystem::path& config, const std::filesystem::path& target,
                const SynthesizeOptions& options);

}  // namespace ferrum
