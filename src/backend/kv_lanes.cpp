#include "backend/kv_lanes.h"

namespace ferrum {

KvLayer kv_in_lanes(Arena& arena, const KvShape& shape) {
  const HeadShape& heads = shape.heads;
  const int64_t slots = int64_t{shape.blocks} * shape.block_tokens;
  KvLayer kv = {.k = arena.allocate(shape.dtype, shape.blocks, int64_t{heads.k_width()} * shape.block_tokens),
                .v = arena.allocate(shape.dtype, slots, heads.v_width()),
                .block_tokens = shape.block_tokens,
                .group = shape.group,
                .blocks = shape.blocks};
  if (shape.dtype == DType::kI8) {
    kv.k_scales = arena.allocate(DType::kF32, slots, heads.kv_heads);
    kv.v_scales = arena.allocate(DType::kF32, slots, heads.kv_heads);
  }
  return kv;
}

}  // namespace ferrum
