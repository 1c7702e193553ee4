// Rotary positions, keys and values in blocks, and attention over them.
#include <algorithm>
#include <optional>
#include <span>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernels/attention.h"
#include "backend/cuda/tensors.h"
#include "base/check.h"
#include "base/error.h"

namespace ferrum {

using namespace cuda;

namespace {

HeadSizes sizes_of(const HeadShape& h) { return {h.q_heads, h.kv_heads, h.head_dim, h.value_size()}; }

KvView view_of(const KvLayer& kv) {
  const auto type = [&] {
    switch (kv.k.dtype) {
      case DType::kF16:
        return kKvF16;
      case DType::kBF16:
        return kKvBf16;
      case DType::kI8:
        return kKvI8;
      default:
        return kKvF32;
    }
  };
  return {kv.k.data,
          kv.v.data,
          static_cast<float*>(kv.k_scales.data),
          static_cast<float*>(kv.v_scales.data),
          kv.k.stride,
          kv.v.stride,
          kv.k_scales.stride,
          kv.v_scales.stride,
          type(),
          kv.block_tokens};
}

bool is_wide(const Norm& norm, int heads, int dim) {
  check(norm.kind != Norm::Kind::kLayer || norm.weight.cols == heads * dim,
        "a norm of heads by mean and variance is of all of them");
  return (heads > 1 || norm.kind == Norm::Kind::kLayer) && norm.weight.cols == heads * dim;
}

int width_of_qkv(const AttentionLayer& layer) {
  return layer.shares_kv ? layer.heads.q_width() : layer.heads.qkv_width();
}

// How a layer's attention is computed: whether by tensor cores depends on its shape and its cache alone,
// since that decides how sums are rounded; how many rows a block has does not.
struct AttendKernel {
  std::string_view name;
  int rows, stages, shared_bytes;
};

constexpr int kMostValues = 512;  // of a head

bool suits_tensor_cores(const KvLayer& kv, const HeadSizes& h) {
  const auto whole = [](int64_t n) { return n % 8 == 0; };  // cp.async takes 16 bytes
  return kv.k.dtype != DType::kF32 && whole(kv.block_tokens) && whole(h.value_dim) && whole(kv.k.stride) &&
         whole(kv.v.stride);
}

std::optional<AttendKernel> tiles_kernel(const KvLayer& kv, const HeadSizes& h, bool joined,
                                         bool has_many_rows, int most_shared) {
  if (!suits_tensor_cores(kv, h) || h.value_dim > kMostValues) return std::nullopt;
  struct Shape {
    std::string_view f16, bf16;
    int rows, values;
  };
  static constexpr Shape kMany[] = {{"attend_f16_64x128", "attend_bf16_64x128", 64, 128},
                                    {"attend_f16_32x256", "attend_bf16_32x256", 32, 256}};
  static constexpr Shape kFew[] = {{"attend_f16_16x128", "attend_bf16_16x128", 16, 128},
                                   {"attend_f16_16x256", "attend_bf16_16x256", 16, 256},
                                   {"attend_f16_16x512", "attend_bf16_16x512", 16, 512}};
  const bool is_bf16 = kv.k.dtype == DType::kBF16;  // bytes are exact in f16
  const auto fitting = [&](std::span<const Shape> shapes) -> std::optional<AttendKernel> {
    for (const Shape& shape : shapes)
      for (const int stages : {2, 1}) {
        const int shared = attend_tiles_shared_bytes(h, joined, is_bf16, shape.rows, stages);
        if (h.value_dim <= shape.values && shared <= most_shared)
          return AttendKernel{is_bf16 ? shape.bf16 : shape.f16, shape.rows, stages, shared};
      }
    return std::nullopt;
  };
  const std::optional<AttendKernel> few = fitting(kFew), many = fitting(kMany);
  return few && many && has_many_rows ? many : few;
}

AttendKernel float_kernel(const HeadSizes& h, bool joined) {
  return {h.value_dim <= 128   ? "attend_1"
          : h.value_dim <= 256 ? "attend_2"
                               : "attend_4",
          kAttendRows, 1, attend_shared_bytes(h, joined)};
}

}  // namespace

// Without the cache at hand: what it may be laid out for is left to attend().
std::string CudaBackend::refusal_of_heads(const HeadShape& heads, DType kv) const {
  const HeadSizes sizes = sizes_of(heads);
  if (sizes.value_dim > kMostValues)
    return fmt::format("heads of {} values are wider than the {} that the CUDA backend takes",
                       sizes.value_dim, kMostValues);
  const bool is_bf16 = kv == DType::kBF16;
  const int most = device_.shared_bytes();
  const bool fits =
      attend_shared_bytes(sizes, heads.joined) <= most ||
      (kv != DType::kF32 && attend_tiles_shared_bytes(sizes, heads.joined, is_bf16, 16, 1) <= most);
  if (!fits)
    return fmt::format(
        "heads of {} and {} values do not fit the {} bytes of shared memory that a block of "
        "the GPU has",
        heads.head_dim, sizes.value_dim, most);
  return {};
}

void CudaBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  if (step.shape.tokens == 0) return;
  const KvIndex& index = step.kv[static_cast<size_t>(kv.group)];
  const bool rotates = !layer.rope.cos_sin.empty();
  launch("rope_and_store", {step.shape.tokens}, kRopeThreads,
         RopeAndStore{rows_of(qkv),
                      view_of(kv),
                      sizes_of(heads),
                      integers_of(step.positions),
                      integers_of(index.slots),
                      weights_of(layer.q_norm),
                      weights_of(layer.k_norm),
                      weights_of(layer.v_norm),
                      is_wide(layer.q_norm, heads.q_heads, heads.head_dim) ? 1 : 0,
                      is_wide(layer.k_norm, heads.kv_heads, heads.head_dim) ? 1 : 0,
                      layer.norm_last ? 1 : 0,
                      heads.joined ? 1 : 0,
                      layer.shares_kv ? 1 : 0,
                      layer.clip,
                      floats_of(layer.rope.cos_sin),
                      layer.rope.cos_sin.stride,
                      rotates ? layer.rope.cos_sin.cols / 2 : 0,
                      layer.rope.pairing == RopePairing::kNeighbours ? 1 : 0,
                      layer.temperature.beta,
                      layer.temperature.length,
                      layer.temperature.offset},
         gpu::SharedSize().array<float>(kRopeThreads / 32).bytes());
}

void CudaBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  check_equal(out.cols, heads.out_width(), "attention width");
  if (step.shape.tokens == 0) return;
  const HeadSizes sizes = sizes_of(heads);
  const int sharing = heads.q_heads / heads.kv_heads;
  // On average, of a sequence.
  const bool has_many_rows =
      int64_t{step.shape.tokens} * std::min(sharing, 64) >= 32 * int64_t{step.shape.sequences};
  // The kernels of tiles have no slopes.
  const std::optional<AttendKernel> tiled =
      layer.slopes.empty() ? tiles_kernel(kv, sizes, heads.joined, has_many_rows, device_.shared_bytes())
                           : std::nullopt;
  const AttendKernel kernel = tiled.value_or(float_kernel(sizes, heads.joined));
  if (sizes.value_dim > kMostValues || kernel.shared_bytes > device_.shared_bytes())
    fail(ErrorCode::kUnsupported, "heads of {} and {} values are wider than the CUDA backend takes",
         heads.head_dim, sizes.value_dim);
  const Tensor& table = step.kv[static_cast<size_t>(kv.group)].block_table;
  const int heads_of_tile = std::min(sharing, kernel.rows), head_tiles = divided_up(sharing, heads_of_tile);
  // Heads are shared out evenly, so that each tile of them has as many tokens.
  const int tokens_of_tile = kernel.rows / heads_of_tile;
  const int partitions = std::max(1, divided_up(table.cols * kv.block_tokens, kPartition));
  const int tiles = std::min(step.shape.tokens, step.shape.tokens / tokens_of_tile + step.shape.sequences);
  const int head_blocks = heads.kv_heads * head_tiles;
  Attend p = {rows_of(out),
              rows_of(qkv),
              view_of(kv),
              sizes,
              integers_of(step.positions),
              integers_of(step.query_start),
              integers_of(step.context_len),
              integers_of(table),
              table.stride,
              step.shape.sequences,
              0,
              heads.joined ? 1 : 0,
              layer.causal ? 1 : 0,
              layer.window,
              layer.chunked ? 1 : 0,
              layer.first,
              layer.scale,
              layer.soft_cap,
              layer.value_scale,
              floats_of(layer.sinks),
              floats_of(layer.slopes),
              kernel.rows,
              heads_of_tile,
              tokens_of_tile,
              head_tiles,
              kernel.stages,
              partitions,
              nullptr};
  const size_t of_tile = partitions == 1 ? 0
                                         : static_cast<size_t>(head_blocks * kernel.rows) *
                                               static_cast<size_t>(partitions) *
                                               (2 + static_cast<size_t>(sizes.value_dim)) * sizeof(float);
  const size_t fit =
      of_tile == 0 ? static_cast<size_t>(tiles) : std::max<size_t>(1, workspace_.bytes() / of_tile);
  const int at_once = static_cast<int>(std::min<size_t>(fit, static_cast<size_t>(tiles)));
  for (int first = 0; first < tiles; first += at_once) {
    const int count = std::min(at_once, tiles - first);
    Room room(workspace_);
    p.first_tile = first;
    if (of_tile > 0) p.partial = room.take<float>(of_tile / sizeof(float) * static_cast<size_t>(count));
    launch(kernel.name, {count, head_blocks, partitions}, kAttendThreads, p, kernel.shared_bytes);
    if (partitions > 1) launch("merge_attention", {count, head_blocks}, kAttendThreads, p, 16);
  }
}

}  // namespace ferrum
