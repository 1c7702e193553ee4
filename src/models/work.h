// The least that a model must read and compute in any engine: measured speeds are compared with it. Counts
// stored bytes and parameters of the checkpoint, not of a backend's own layout.
#pragma once
#include <cstdint>

#include "checkpoint/checkpoint.h"
#include "tensor/dtype.h"

namespace ferrum {

// Matrices, by their use in a step. Bytes include biases, norms and scales; parameters are
// the elements of matrices alone, each of which takes one multiply-add per token.
struct ModelVolume {
  struct Part {
    uint64_t bytes = 0;
    int64_t parameters = 0;
  };
  Part layers;      // used by every token: attention, dense feed-forward, routers
  Part tail;        // the same behind the last layer that keeps something: of rows that are read out
  Part head;        // the embedding table where it serves as head
  Part expert;      // one expert of every layer with experts
  int experts = 0;  // of such a layer
  int active = 0;   // chosen by one token
  uint64_t embedding_row = 0;  // bytes, of all tables in which a token is looked up
};
ModelVolume volume_of(const Checkpoint& checkpoint);

// The expected number of distinct experts, of `experts`, when each of `tokens` chooses `active` at random. A
// real router's number lies between `active` and the lesser of experts and tokens × active.
double distinct_experts(int experts, int active, int64_t tokens);

struct Work {
  double bytes = 0;       // read from memory, everything once
  double operations = 0;  // of products with weights, a multiply-add counted as two

  Work& operator+=(const Work& other);
  bool operator==(const Work&) const = default;
};

// A prompt's `tokens` after `depth` others, with one row of logits. Attention's own arithmetic is not
// counted.
Work prompt_work(const ModelVolume& volume, const ModelDescription& model, DType kv_dtype, int64_t tokens,
                 int64_t depth);
// One step of `sequences` that each get one token, whose context then holds `context` tokens.
Work decode_work(const ModelVolume& volume, const ModelDescription& model, DType kv_dtype, int64_t sequences,
                 int64_t context);

}  // namespace ferrum
