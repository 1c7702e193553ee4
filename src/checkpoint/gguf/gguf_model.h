// Reads the model description and the recommended sampling from the metadata of a GGUF file.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and src/llama-arch.cpp of llama.cpp.
#pragma once
#include "checkpoint/architecture.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_table.h"

namespace ferrum {

// Validated; `parameters` is not counted yet. Some facts only the tensors tell: RoPE factors, whether the
// head is tied, which layers have experts. Errors: kBadFile for a key of another type, kBadConfig naming the
// key (missing, out of range, contradicting another), kUnsupported for an architecture or scaling that Ferrum
// does not run; the message lists those that it does.
ModelDescription describe_gguf(const GgufMetadata& metadata, const TensorTable& tensors);

// By general.architecture. Errors as of describe_gguf.
const Architecture& gguf_architecture(const GgufMetadata& metadata);

// general.sampling.*, and the tokens that end a text, a turn or a message. Ids that name none of the `vocab`
// tokens are left out with a warning.
GenerationDefaults gguf_generation(const GgufMetadata& metadata, int vocab);

}  // namespace ferrum
