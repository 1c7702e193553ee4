// llama.cpp's file types ("Q4_K_M"): a file type is not one format but a rule that gives each tensor its
// format.
//
// Source: enum llama_ftype in llama.cpp's include/llama.h, and llama_tensor_get_type in its
// src/llama-quant.cpp (as for quantising without an importance matrix).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "tensor/format.h"

namespace ferrum {

enum class FileType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K_S,
  kQ3_K_M,
  kQ3_K_L,
  kQ4_K_S,
  kQ4_K_M,
  kQ5_K_S,
  kQ5_K_M,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4_MOE,
  kQ2_K_S,
  kIQ1_S,
  kIQ1_M,
  kIQ2_XXS,
  kIQ2_XS,
  kIQ2_S,
  kIQ2_M,
  kIQ3_XXS,
  kIQ3_XS,
  kIQ3_S,
  kIQ3_M,
  kTQ1_0,
  kTQ2_0,
};
inline constexpr int kFileTypeCount = 33;

std::string_view name_of(FileType type);                         // "Q4_K_M"
std::optional<FileType> file_type_named(std::string_view name);  // case-insensitive; "MXFP4" is MXFP4_MOE
std::string file_type_names();                                   // all, for messages
uint32_t gguf_number(FileType type);                             // general.file_type
std::optional<FileType> file_type_numbered(uint64_t number);     // nothing: not one of these
Format main_format(FileType type);                               // of most tensors

// The format of one tensor of a model. `cols` is the length of its rows: where that is not a multiple of
// the format's block size, the rule falls back to a format that fits. One-dimensional tensors, norms and
// routers are F32.
Format format_of_tensor(FileType type, const ModelDescription& model, const TensorKey& key, int64_t cols);

}  // namespace ferrum
