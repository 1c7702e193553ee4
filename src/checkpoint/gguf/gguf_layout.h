// The contents of a model's GGUF file in llama.cpp's layout: the tensors, and the metadata that describes
// them.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and src/llama-arch.cpp of llama.cpp.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/file_type.h"
#include "checkpoint/gguf/gguf_writer.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/tensor_plan.h"

namespace ferrum {

// True where the rows of q and k are to be permuted for GGUF, which stores them in the order of interleaved
// rotation: row 2i + p of the rotated part of a head is row p × rotary_dim / 2 + i of the model's.
bool stores_interleaved(const ModelDescription& model);

struct GgufLayoutTensor {
  TensorKey key;
  std::string name;
  std::vector<int64_t> shape;  // outermost first; experts are stacked: [experts, rows, cols]

  int64_t elements() const;
};

// All tensors, in the order of the file; of those that may be absent, those that `has` wants. RoPE factors
// are among them where the scaling needs them: rope_freqs for llama3, rope_factors_* for longrope.
std::vector<GgufLayoutTensor> gguf_tensors(
    const ModelDescription& model,
    const std::function<bool(const PlannedTensor&)>& has = [](const PlannedTensor&) { return false; });

// The values of rope_freqs: by how much each frequency is divided. [rotary_dim / 2]
std::vector<float> rope_divisors(const RopeDescription& rope);

// general.* and <architecture>.*. Error kUnsupported naming `source` and the feature: what GGUF cannot
// express (dynamic NTK scaling).
void set_model_metadata(GgufHeader& header, const ModelDescription& model, FileType type,
                        const std::string& source);

}  // namespace ferrum
