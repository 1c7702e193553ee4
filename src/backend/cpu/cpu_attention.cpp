// Rotary positions, the paged KV cache, and attention over it.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

int index_of(DType t) {
  check(t != DType::kI32, "a cache holds floats");
  return static_cast<int>(t);
}
static_assert(static_cast<int>(DType::kF32) == 0 && static_cast<int>(DType::kF16) == 1 &&
              static_cast<int>(DType::kBF16) == 2);

int64_t row_stride_bytes(Tensor t) {
  return static_cast<int64_t>(t.stride) * static_cast<int64_t>(size_of(t.dtype));
}

}  // namespace

void CpuBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  const Tensor& table = layer.rope.cos_sin;
  check_equal(qkv.cols, heads.qkv_width(), "width of q, k and v");
  check(table.cols <= heads.head_dim && table.cols % 2 == 0, "rotated dimensions within a head");
  const auto convert_k = kernels_.convert[index_of(kv.k.dtype)];
  const auto convert_v = kernels_.convert[index_of(kv.v.dtype)];
  const bool halves = layer.rope.pairing == RopePairing::kHalves;
  cpu::HeadTask task = {};
  task.head_dim = heads.head_dim;
  task.norm_eps = layer.norm_eps;
  task.rotary_dim = table.cols;
  task.step = halves ? table.cols / 2 : 1;
  task.spacing = halves ? 1 : 2;

  pool_.parallel_for(step.shape.tokens, [&, task](int64_t begin, int64_t end, int) noexcept {
    cpu::HeadTask head = task;
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const int position = *step.positions.at<int32_t>(t);
      const int slot = *step.kv_slots.at<int32_t>(t);
      check(position >= 0 && position < table.rows, "position within the rotation table");
      check(slot >= 0 && slot < kv.k.rows, "slot within the pages");
      head.cos_sin = table.at<float>(position);
      for (int h = 0; h < heads.q_heads + heads.kv_heads; ++h) {
        const Tensor& norm = h < heads.q_heads ? layer.q_norm : layer.k_norm;
        head.head = qkv.at<float>(t, h * heads.head_dim);
        head.norm = norm.empty() ? nullptr : norm.at<float>(0);
        kernels_.prepare_head(head);
      }
      convert_k(kv.k.address(slot, 0), qkv.at<float>(t, heads.q_width()), heads.kv_width());
      convert_v(kv.v.address(slot, 0), qkv.at<float>(t, heads.q_width() + heads.kv_width()),
                heads.kv_width());
    }
  });
}

void CpuBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, heads.qkv_width(), "width of q, k and v");
  check_equal(out.cols, heads.q_width(), "attention width");
  check(kv.k.dtype == kv.v.dtype && row_stride_bytes(kv.k) == row_stride_bytes(kv.v), "k and v are alike");
  check_equal(heads.q_heads % heads.kv_heads, 0, "q heads left over after dividing by the kv heads");
  const int group = heads.q_heads / heads.kv_heads;  // q heads that share one k and v
  const auto attend_one = kernels_.attend[index_of(kv.k.dtype)];

  // Late tokens see more and cost more, so tokens and heads are dealt out one by one.
  pool_.on_each_worker([&](int worker) noexcept {
    const int workers = pool_.size();
    int64_t item = 0;
    for (int s = 0; s < step.shape.sequences; ++s) {
      for (int t = *step.query_start.at<int32_t>(s); t < *step.query_start.at<int32_t>(s + 1); ++t) {
        const int position = *step.positions.at<int32_t>(t);
        for (int h = 0; h < heads.kv_heads; ++h) {
          if (item++ % workers != worker) continue;
          attend_one({
              .q = qkv.at<float>(t, h * group * heads.head_dim),
              .out = out.at<float>(t, h * group * heads.head_dim),
              .k = static_cast<const uint8_t*>(kv.k.address(0, h * heads.head_dim)),
              .v = static_cast<const uint8_t*>(kv.v.address(0, h * heads.head_dim)),
              .kv_stride = row_stride_bytes(kv.k),
              .pages = step.block_table.at<int32_t>(s),
              .page_tokens = kv.page_tokens,
              .first = layer.window > 0 ? std::max(0, position - layer.window + 1) : 0,
              .last = position,
              .heads = group,
              .head_dim = heads.head_dim,
              .scale = layer.scale,
          });
        }
      }
    }
  });
}

void CpuBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  for (int i = 0; i < from_to.rows; ++i) {
    const int from = *from_to.at<int32_t>(i, 0) * kv.page_tokens;
    const int to = *from_to.at<int32_t>(i, 1) * kv.page_tokens;
    for (int slot = 0; slot < kv.page_tokens; ++slot)
      for (const Tensor& pages : {kv.k, kv.v})
        std::memcpy(pages.address(to + slot, 0), pages.address(from + slot, 0),
                    static_cast<size_t>(pages.cols) * size_of(pages.dtype));
  }
}

}  // namespace ferrum
