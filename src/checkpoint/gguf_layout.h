// The contents of a model's GGUF file in llama.cpp's layout: the tensors, and the metadata that describes
// them.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and src/llama-arch.cpp of llama.cpp.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/file_type.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/model_description.h"
#include "checkpoint/tensor_names.h"

namespace ferrum {

// general.architecture. Mistral has no value of its own: it is "llama".
std::string_view gguf_architecture(Architecture architecture);

// True where GGUF stores the rows of q and k in the order of interleaved rotation: row 2i + p of a head is
// row p × head_dim / 2 + i of Hugging Face's.
bool stores_interleaved(Architecture architecture);

struct GgufLayoutTensor {
  TensorKey key;
  std::string name;
  std::vector<int64_t> shape;  // outermost first; experts are stacked: [experts, rows, cols]
};

// All tensors, in the order of the file. `biased` are the projections with biases. RoPE factors are among
// them where the scaling needs them: rope_freqs for llama3, rope_factors_* for longrope.
std::vector<GgufLayoutTensor> gguf_tensors(const ModelDescription& model,
                                           const std::vector<TensorRole>& biased);

// The values of rope_freqs: by how much each frequency is divided. [rotary_dim / 2]
std::vector<float> rope_divisors(const RopeDescription& rope);

// general.* and <architecture>.*. Error kUnsupported naming `source` and the feature: what GGUF cannot
// express (dynamic NTK scaling, YaRN without rounding, a partial rotation of an architecture that stores q
// and k permuted).
void set_model_metadata(GgufHeader& header, const ModelDescription& model, FileType type,
                        const std::string& source);

}  // namespace ferrum
