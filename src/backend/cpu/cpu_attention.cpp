// Rotary positions, the KV cache in blocks, and attention over it.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

using cpu::AttentionItem;
using cpu::AttentionMemory;

// In the kernels' tables.
int index_of(DType t) {
  check(t != DType::kI32, "a cache holds floats, or bytes with scales");
  return t == DType::kI8 ? 3 : static_cast<int>(t);
}
static_assert(static_cast<int>(DType::kF32) == 0 && static_cast<int>(DType::kF16) == 1 &&
              static_cast<int>(DType::kBF16) == 2);

struct KvRow {
  const float* values;  // [kv_heads, head_dim]
  const HeadShape& heads;
};

void store_values(const cpu::Kernels& kernels, const KvLayer& kv, int slot, const KvRow& row) {
  if (kv.v.dtype != DType::kI8)
    return kernels.convert[index_of(kv.v.dtype)](kv.v.address(slot, 0), row.values, row.heads.kv_width());
  const int dim = row.heads.head_dim;
  for (int h = 0; h < row.heads.kv_heads; ++h)
    *kv.v_scales.at<float>(slot, h) =
        kernels.quantize_head(kv.v.at<int8_t>(slot, h * dim), row.values + h * dim, dim);
}

template <class T>
void scatter(void* to, const void* from, int count, int64_t step) {
  for (int i = 0; i < count; ++i) static_cast<T*>(to)[i * step] = static_cast<const T*>(from)[i];
}

// One element in every block_tokens.
void store_keys(const cpu::Kernels& kernels, const KvLayer& kv, int slot, const KvRow& row) {
  alignas(64) std::byte head[cpu::kMaxHeadDim * sizeof(float)];
  const int dim = row.heads.head_dim;
  for (int h = 0; h < row.heads.kv_heads; ++h) {
    const float* const values = row.values + h * dim;
    if (kv.k.dtype == DType::kI8)
      *kv.k_scales.at<float>(slot, h) = kernels.quantize_head(reinterpret_cast<int8_t*>(head), values, dim);
    else
      kernels.convert[index_of(kv.k.dtype)](head, values, dim);
    void* const to = kv.k.address(slot / kv.block_tokens, h * dim * kv.block_tokens + slot % kv.block_tokens);
    const auto put = size_of(kv.k.dtype) == 1   ? scatter<uint8_t>
                     : size_of(kv.k.dtype) == 2 ? scatter<uint16_t>
                                                : scatter<uint32_t>;
    put(to, head, dim, kv.block_tokens);
  }
}

// One call of attend.
class Attention {
 public:
  struct Arguments {
    Tensor out, qkv;
    const KvLayer& kv;
    const Step& step;
    const AttentionLayer& layer;
  };

  Attention(const cpu::Kernels& kernels, std::vector<AttentionMemory>& memory, const Arguments& arguments)
      : kernels_(kernels),
        memory_(memory),
        arguments_(arguments),
        heads_(arguments.layer.heads),
        padded_(cpu::padded_dim(heads_.head_dim)) {}

  void compute(const cpu::AttentionWork& work, int worker) const {
    AttentionMemory& memory = memory_[static_cast<size_t>(worker)];
    memory.begin(heads_.head_dim);
    work.each_part(worker, [&](const AttentionItem& item, Range partitions) {
      const cpu::AttentionTile tile = tile_of(item, memory.queries());
      if (partitions.begin == item.partitions.begin)
        compute_own(item, tile, partitions, memory);
      else
        for (int64_t p = partitions.begin; p < partitions.end; ++p)
          compute_partition(tile, p, memory, memory.keep(item.rows()));
    });
  }

  bool any_shared() const {
    return std::any_of(memory_.begin(), memory_.end(), [](const auto& m) { return m.continued(); });
  }

  // Joins, in order, the states of items that several workers shared; the rows are dealt out.
  void join_shared(int worker) const {
    const auto workers = static_cast<int>(memory_.size());
    for (int owner = 0; owner < workers; ++owner) {
      const AttentionMemory& memory = memory_[static_cast<size_t>(owner)];
      if (!memory.continued()) continue;
      for (int row = worker; row < memory.item().rows(); row += workers) {
        for (size_t w = static_cast<size_t>(owner) + 1; w < memory_.size(); ++w) {
          for (int i = 0; i < memory_[w].kept(); ++i)
            kernels_.add_state(memory.total(), memory_[w].kept_state(i), row, padded_);
          if (memory_[w].owns()) break;
        }
        finish(memory.item(), memory.total(), row);
      }
    }
  }

 private:
  // Column of head h of those that share kv head g of the item.
  int q_column(const AttentionItem& item, int g, int h) const {
    const int group = heads_.q_heads / heads_.kv_heads;
    return ((item.kv_head + g) * group + item.first_head + h) * heads_.head_dim;
  }

  cpu::AttentionTile tile_of(const AttentionItem& item, float* queries) const {
    const KvLayer& kv = arguments_.kv;
    const float to_log2 = arguments_.layer.scale * 1.44269504f;  // log2 e
    const int width = item.heads * heads_.head_dim;
    float* row = queries;
    for (int g = 0; g < item.kv_heads; ++g)
      for (int t = 0; t < item.queries; ++t, row += width)
        kernels_.scale(row, arguments_.qkv.at<float>(item.first_query + t, q_column(item, g, 0)), to_log2,
                       width);
    cpu::AttentionTile tile = {
        .q = queries,
        .kv_heads = item.kv_heads,
        .tokens = item.queries,
        .heads = item.heads,
        .head_dim = heads_.head_dim,
        .position = item.position,
        .window = arguments_.layer.window,
        .k = kv.k.address(0, item.kv_head * heads_.head_dim * kv.block_tokens),
        .v = kv.v.address(0, item.kv_head * heads_.head_dim),
        .k_stride = kv.k.stride,
        .v_stride = kv.v.stride,
        .k_scales = nullptr,
        .v_scales = nullptr,
        .scale_stride = kv.k_scales.stride,
        .blocks = arguments_.step.block_table.at<int32_t>(item.sequence),
        .block_tokens = kv.block_tokens,
    };
    if (kv.k.dtype == DType::kI8) {
      tile.k_scales = kv.k_scales.at<float>(0, item.kv_head);
      tile.v_scales = kv.v_scales.at<float>(0, item.kv_head);
    }
    return tile;
  }

  void compute_partition(const cpu::AttentionTile& tile, int64_t partition, const AttentionMemory& memory,
                         const cpu::AttentionState& state) const {
    kernels_.attend[index_of(arguments_.kv.k.dtype)](tile, static_cast<int>(partition) * cpu::kPartition,
                                                     memory.scratch(), state);
  }

  void compute_own(const AttentionItem& item, const cpu::AttentionTile& tile, Range partitions,
                   AttentionMemory& memory) const {
    memory.own(item, partitions);
    for (int64_t p = partitions.begin; p < partitions.end; ++p) {
      compute_partition(tile, p, memory, memory.partition());
      for (int row = 0; row < item.rows(); ++row)
        kernels_.add_state(memory.total(), memory.partition(), row, padded_);
    }
    if (memory.continued()) return;
    for (int row = 0; row < item.rows(); ++row) finish(item, memory.total(), row);
  }

  void finish(const AttentionItem& item, const cpu::AttentionState& state, int row) const {
    const int head_rows = item.queries * item.heads;
    const int query = item.first_query + row % head_rows / item.heads;
    kernels_.scale(arguments_.out.at<float>(query, q_column(item, row / head_rows, row % item.heads)),
                   state.values + static_cast<int64_t>(row) * padded_, 1.0f / state.total[row],
                   heads_.head_dim);
  }

  const cpu::Kernels& kernels_;
  std::vector<AttentionMemory>& memory_;  // of each worker
  const Arguments& arguments_;
  const HeadShape& heads_;
  int padded_;
};

}  // namespace

void CpuBackend::rope_and_store(Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  const Tensor& table = layer.rope.cos_sin;
  check_equal(qkv.cols, heads.qkv_width(), "width of q, k and v");
  check(table.cols <= heads.head_dim && table.cols % 2 == 0, "rotated dimensions within a head");
  cpu::HeadTask task = {};
  task.head_dim = heads.head_dim;
  task.norm_eps = layer.norm_eps;
  task.rotary_dim = table.cols;
  task.neighbours = layer.rope.pairing == RopePairing::kNeighbours;

  pool_.parallel_for(step.shape.tokens, [&, task](int64_t begin, int64_t end, int) noexcept {
    cpu::HeadTask head = task;
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const int position = *step.positions.at<int32_t>(t);
      const int slot = *step.kv_slots.at<int32_t>(t);
      check(position >= 0 && position < table.rows, "position within the rotation table");
      check(slot >= 0 && slot < kv.v.rows, "slot within the blocks");
      head.cos_sin = table.at<float>(position);
      for (int h = 0; h < heads.q_heads + heads.kv_heads; ++h) {
        const Tensor& norm = h < heads.q_heads ? layer.q_norm : layer.k_norm;
        head.head = qkv.at<float>(t, h * heads.head_dim);
        head.norm = norm.empty() ? nullptr : norm.at<float>(0);
        kernels_.prepare_head(head);
      }
      const float* keys = qkv.at<float>(t, heads.q_width());
      store_keys(kernels_, kv, slot, {keys, heads});
      store_values(kernels_, kv, slot, {keys + heads.kv_width(), heads});
    }
  });
}

void CpuBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, heads.qkv_width(), "width of q, k and v");
  check_equal(out.cols, heads.q_width(), "attention width");
  check(kv.k.dtype == kv.v.dtype, "k and v are alike");
  check(kv.k.dtype != DType::kI8 || (!kv.k_scales.empty() && kv.k_scales.stride == kv.v_scales.stride),
        "bytes have scales");
  const cpu::AttentionWork work(step, layer, cpu::AttentionMemory::limits(heads.head_dim), pool_.size());
  const Attention::Arguments arguments = {out, qkv, kv, step, layer};
  const Attention attention(kernels_, attention_memory_, arguments);

  pool_.on_each_worker([&](int worker) noexcept { attention.compute(work, worker); });
  if (attention.any_shared())
    pool_.on_each_worker([&](int worker) noexcept { attention.join_shared(worker); });
}

void CpuBackend::copy_blocks(KvLayer kv, Tensor from_to) {
  for (int i = 0; i < from_to.rows; ++i) {
    const std::array<Tensor, 4> from = kv.block(*from_to.at<int32_t>(i, 0));
    const std::array<Tensor, 4> to = kv.block(*from_to.at<int32_t>(i, 1));
    for (size_t part = 0; part < from.size(); ++part)
      for (int row = 0; row < from[part].rows; ++row)
        std::memcpy(to[part].address(row, 0), from[part].address(row, 0), from[part].row(row).bytes());
  }
}

}  // namespace ferrum
