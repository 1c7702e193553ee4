// What GGUF files of an architecture have otherwise than its folders: above all factors, which are in their
// weights.
#pragma once
#include <vector>

#include "checkpoint/model_description.h"

namespace ferrum {

// The description of the GGUF file: factors are 1 there. A head that is tied becomes one of its own where its
// factor is not that of the embedding. RoBERTa is a BERT whose first position is 0, a Gemma 3 that sees both
// ways is EmbeddingGemma, and experts have no bias together.
ModelDescription gguf_form(ModelDescription model);

// By what each of the `rows` of a tensor is multiplied for GGUF; of a bias, each element. Empty: by 1.
std::vector<float> row_factors(const ModelDescription& model, const TensorKey& key, int64_t rows);

}  // namespace ferrum
