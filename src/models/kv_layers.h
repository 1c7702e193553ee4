// Keys and values of every layer.
#pragma once
#include <cstddef>
#include <vector>

#include "backend/backend.h"
#include "checkpoint/model_description.h"
#include "models/arena.h"

namespace ferrum {

// Keys and values of one token in one layer's cache, with the scales of an int8 cache.
size_t kv_bytes_of_token(const HeadShape& heads, DType kv_dtype);

HeadShape head_shape(const AttentionDescription& attention);

// [layers], each with `blocks` blocks of block_tokens slots.
std::vector<KvLayer> allocate_kv(Arena& arena, const ModelDescription& model, int blocks, int block_tokens,
                                 DType dtype);

}  // namespace ferrum
