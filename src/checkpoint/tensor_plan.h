// Every tensor of a model, as its description demands it: the one list that checking, loading, converting,
// synthesizing, counting work and planning memory read.
#pragma once
#include <cstdint>
#include <vector>

#include "checkpoint/model_description.h"
#include "checkpoint/tensor_role.h"

namespace ferrum {

enum class TensorUse : uint8_t {
  kLookUp,   // rows are read one by one: the embedding
  kVector,   // norms, biases, sinks: a few numbers, float32
  kProduct,  // a matrix that every token is multiplied with
  kExpert,   // [experts, rows, cols]: a token is multiplied with the experts that it chose
  kScalars,  // numbers that became part of the description
};

struct PlannedTensor {
  TensorKey key;  // expert -1
  TensorUse use = TensorUse::kVector;
  std::vector<int64_t> shape;  // outermost first
  bool may_be_absent = false;
  // The role of the tensor into which some files fuse this one with its neighbours in the plan, one below the
  // other; kEmbedding: none.
  TensorRole fused = TensorRole::kEmbedding;

  int64_t elements() const;
};

// In the order in which GGUF files have them; parts of a fused tensor follow one another.
std::vector<PlannedTensor> tensors_of(const ModelDescription& model);

// Whether this tensor is a norm that the file stores as the factor − 1: where wiring.norm_plus_one, those of
// the residual and of heads. The norm of a recurrent mixer's output is stored as it is.
bool is_stored_minus_one(const ModelDescription& model, const TensorKey& key);

}  // namespace ferrum
