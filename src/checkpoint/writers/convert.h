// Hugging Face folders to GGUF files, with the metadata that llama.cpp's converter writes.
#pragma once
#include <filesystem>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/file_type.h"
#include "checkpoint/writers/row_pipeline.h"

namespace ferrum {

struct ConvertOptions {
  std::optional<FileType> type;  // F32, F16, BF16 or Q8_0; unset: as the source (MXFP4 experts stay so)
  RowPipelineOptions pipeline;
};

// What a GGUF file has beside the text model, if the folder has it.
constexpr CheckpointParts kPartsOfGguf = {.mtp = CheckpointParts::Wish::kIfKnown};

// `source` is a folder with config.json and safetensors. Norms, biases and routers become F32, experts are
// stacked into one tensor, and the rows of q and k are permuted where GGUF requires it. Without a type no
// number is rounded: weights that GGUF has multiplied by a factor (Falcon-H1) become F32. Memory is bounded
// by a few pieces and the tokenizer. Errors: those of Checkpoint::open; kBadArgument for a source that is not
// such a folder; kUnsupported for another type, and for what GGUF cannot express; kBadFile naming a tensor
// with values that the type cannot hold.
void convert(const std::filesystem::path& source, const std::filesystem::path& target,
             const ConvertOptions& options);

// The type of a conversion: of the file, and of what is not MXFP4 there.
struct ConversionType {
  FileType file;
  FileType usual;
  bool as_stored = false;  // no other type is wanted: numbers keep all their digits
};
// `wanted`, or the type that the weights are in. Error kUnsupported as of convert().
ConversionType conversion_type(const Checkpoint& checkpoint, const std::filesystem::path& source,
                               std::optional<FileType> wanted);

// convert() of the weights that `checkpoint` has, and of what else the folder `source` has.
void convert(const Checkpoint& checkpoint, const std::filesystem::path& source,
             const std::filesystem::path& target, const ConversionType& type,
             const RowPipelineOptions& pipeline);

}  // namespace ferrum
