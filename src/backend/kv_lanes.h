// The layout of keys and values for vector units: that of the CPU, and of the reference, which checks it.
//
//   k         [blocks, kv_heads × head_dim × block_tokens]: dimension by dimension. A block stores
//   block_tokens
//             values of each dimension side by side, so that a kernel loads keys into lanes and sums each
//             product in order of dimension.
//   v         [blocks × block_tokens, kv_heads × value_dim]: token by token.
//   k_scales, v_scales   [blocks × block_tokens, kv_heads] f32
#pragma once
#include "backend/arena.h"

namespace ferrum {

KvLayer kv_in_lanes(Arena& arena, const KvShape& shape);

}  // namespace ferrum
