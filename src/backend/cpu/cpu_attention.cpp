// Rotary positions, the KV cache in blocks, and attention over it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "base/check.h"

namespace ferrum {
namespace {

using cpu::AttentionItem;
using cpu::AttentionMemory;

// The index in the kernels' tables.
int index_of(DType t) {
  check(t != DType::kI32, "a cache holds floats, or bytes with scales");
  return t == DType::kI8 ? 3 : static_cast<int>(t);
}
static_assert(static_cast<int>(DType::kF32) == 0 && static_cast<int>(DType::kF16) == 1 &&
              static_cast<int>(DType::kBF16) == 2);

constexpr float kLog2E = 1.44269504f;

int width_of_qkv(const AttentionLayer& layer) {
  return layer.shares_kv ? layer.heads.q_width() : layer.heads.qkv_width();
}

// The heads of q, or those of k, of one token.
struct Heads {
  float* first;
  int count;
  int dim;

  float* head(int h) const { return first + h * dim; }
  int width() const { return count * dim; }
};

struct KvRow {
  const float* values;  // [kv_heads, head_dim], or of values [kv_heads, value_dim]
  const HeadShape& heads;
};

void store_values(const cpu::Kernels& kernels, const KvLayer& kv, int slot, const KvRow& row) {
  if (kv.v.dtype != DType::kI8)
    return kernels.convert[index_of(kv.v.dtype)](kv.v.address(slot, 0), row.values, row.heads.v_width());
  const int dim = row.heads.value_size();
  for (int h = 0; h < row.heads.kv_heads; ++h)
    *kv.v_scales.at<float>(slot, h) =
        kernels.quantize_head(kv.v.at<int8_t>(slot, h * dim), row.values + h * dim, dim);
}

template <class T>
void scatter(void* to, const void* from, int count, int64_t step) {
  for (int i = 0; i < count; ++i) static_cast<T*>(to)[i * step] = static_cast<const T*>(from)[i];
}

// Writes one element every block_tokens elements.
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

void normalize(const cpu::Kernels& kernels, const Heads& heads, const Norm& norm) {
  if (norm.kind == Norm::Kind::kNone) return;
  const float* const weight = norm.weight.empty() ? nullptr : norm.weight.at<float>(0);
  if (norm.kind == Norm::Kind::kLayer) {
    const float* const bias = norm.bias.empty() ? nullptr : norm.bias.at<float>(0);
    return kernels.layer_norm(heads.first, heads.first, {weight, bias, heads.width(), norm.eps});
  }
  if (heads.count > 1 && norm.weight.cols == heads.width())
    return kernels.rms_norm(heads.first, heads.first, weight, heads.width(), norm.eps);
  for (int h = 0; h < heads.count; ++h)
    kernels.rms_norm(heads.head(h), heads.head(h), weight, heads.dim, norm.eps);
}

// q or k of the token at `position`.
void prepare(const cpu::Kernels& kernels, const Heads& heads, const Norm& norm, const AttentionLayer& layer,
             int position) {
  if (!layer.norm_last) normalize(kernels, heads, norm);
  if (layer.clip > 0) kernels.clip(heads.first, layer.clip, heads.width());
  if (const Tensor& table = layer.rope.cos_sin; !table.empty()) {
    check(position >= 0 && position < table.rows, "position within the rotation table");
    cpu::HeadTask task = {.head = heads.first,
                          .cos_sin = table.at<float>(position),
                          .rotary_dim = table.cols,
                          .neighbours = layer.rope.pairing == RopePairing::kNeighbours};
    for (int h = 0; h < heads.count; ++h, task.head += heads.dim) kernels.rotate_head(task);
  }
  if (layer.norm_last) normalize(kernels, heads, norm);
}

float temperature_at(const AttentionLayer::Temperature& t, int position) {
  const float step = std::floor(static_cast<float>(position + t.offset) / static_cast<float>(t.length));
  return 1 + t.beta * std::log(step + 1);
}

void check_norm(const Norm& norm, const Heads& heads) {
  check(norm.kind != Norm::Kind::kLayer || norm.weight.cols == heads.width(),
        "a norm of heads by mean and variance is of all of them");
  check(norm.weight.empty() || norm.weight.cols == heads.dim || norm.weight.cols == heads.width(),
        "the weight of a norm is as wide as a head or as all of them");
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
        padded_(cpu::padded_dim(heads_.value_size())) {}

  void compute(const cpu::AttentionWork& work, int worker) const {
    AttentionMemory& memory = memory_[static_cast<size_t>(worker)];
    memory.begin(heads_);
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

  // Merges, in order, the states of items that several workers shared; the rows are divided among the
  // workers.
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
  // Head h of those that share kv head g of the item.
  int q_head(const AttentionItem& item, int g, int h) const {
    const int group = heads_.q_heads / heads_.kv_heads;
    return (item.kv_head + g) * group + item.first_head + h;
  }

  // The rows of one query's heads; gives the place behind them.
  float* take_heads(const AttentionItem& item, int g, int t, float factor, float* to) const {
    const int width = item.heads * heads_.head_dim;
    kernels_.scale(to, arguments_.qkv.at<float>(item.first_query + t, q_head(item, g, 0) * heads_.head_dim),
                   factor, width);
    return to + width;
  }

  float* take_joined(const AttentionItem& item, int g, int t, float factor, float* to) const {
    const int second = heads_.qkv_width() - heads_.joined_width();
    const float* const row = arguments_.qkv.at<float>(item.first_query + t);
    for (int head = q_head(item, g, 0); head < q_head(item, g, item.heads); ++head) {
      kernels_.scale(to, row + head * heads_.head_dim, factor, heads_.head_dim);
      to += heads_.head_dim;
      kernels_.scale(to, row + second + head * heads_.value_size(), factor, heads_.value_size());
      to += heads_.value_size();
    }
    return to;
  }

  int window_of(const AttentionItem& item) const {
    if (arguments_.layer.first == 0) return arguments_.layer.chunked ? 0 : arguments_.layer.window;
    return item.position + 1 - cpu::first_seen(arguments_.layer, item.position);
  }

  cpu::AttentionTile tile_of(const AttentionItem& item, float* queries) const {
    const KvLayer& kv = arguments_.kv;
    const float to_log2 = arguments_.layer.scale * kLog2E;
    float* row = queries;
    for (int g = 0; g < item.kv_heads; ++g)
      for (int t = 0; t < item.queries; ++t)
        row = heads_.joined ? take_joined(item, g, t, to_log2, row) : take_heads(item, g, t, to_log2, row);
    const AttentionLayer& layer = arguments_.layer;
    const int context =
        layer.causal ? item.position + item.queries : *arguments_.step.context_len.at<int32_t>(item.sequence);
    cpu::AttentionTile tile = {
        .q = queries,
        .kv_heads = item.kv_heads,
        .tokens = item.queries,
        .heads = item.heads,
        .head_dim = heads_.head_dim,
        .value_dim = heads_.value_size(),
        .joined = heads_.joined,
        .position = item.position,
        .first = layer.chunked ? cpu::first_seen(layer, item.position) : 0,
        .window = layer.causal        ? window_of(item)
                  : layer.window == 0 ? 0
                                      : layer.window / 2 + 1,
        .ahead = layer.causal        ? 0
                 : layer.window == 0 ? context
                                     : layer.window / 2,
        .context = context,
        .k = kv.k.address(0, item.kv_head * heads_.head_dim * kv.block_tokens),
        .v = kv.v.address(0, item.kv_head * heads_.value_size()),
        .k_stride = kv.k.stride,
        .v_stride = kv.v.stride,
        .k_scales = nullptr,
        .v_scales = nullptr,
        .scale_stride = kv.k_scales.stride,
        .blocks = arguments_.step.kv[static_cast<size_t>(kv.group)].block_table.at<int32_t>(item.sequence),
        .block_tokens = kv.block_tokens,
        .soft_cap = arguments_.layer.soft_cap * kLog2E,
        .slopes = layer.slopes.empty() ? nullptr : layer.slopes.at<float>(0, q_head(item, 0, 0)),
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
    const int head = q_head(item, row / head_rows, row % item.heads);
    kernels_.scale(arguments_.out.at<float>(query, head * heads_.value_size()),
                   state.values + static_cast<int64_t>(row) * padded_,
                   factor_of(state.highest[row], state.total[row], head), heads_.value_size());
  }

  // What makes the weighted values of a row its result. A sink's share joins the total alone, for its value
  // is 0; one above every score has both shrink first.
  float factor_of(float highest, float total, int head) const {
    const AttentionLayer& layer = arguments_.layer;
    if (layer.sinks.empty()) return layer.value_scale / total;
    const float sink = *layer.sinks.at<float>(0, head) * kLog2E;
    const float top = std::max(highest, sink);
    const float shrunk = std::exp2(highest - top);
    return layer.value_scale * shrunk / (total * shrunk + std::exp2(sink - top));
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
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  check(table.cols <= heads.head_dim && table.cols % 2 == 0, "rotated dimensions within a head");
  check_norm(layer.q_norm, {nullptr, heads.q_heads, heads.head_dim});
  check_norm(layer.k_norm, {nullptr, heads.kv_heads, heads.head_dim});

  pool_.parallel_for(step.shape.tokens, [&](int64_t begin, int64_t end, int) noexcept {
    for (int t = static_cast<int>(begin); t < end; ++t) {
      const int position = *step.positions.at<int32_t>(t);
      float* const row = qkv.at<float>(t);
      prepare(kernels_, {row, heads.q_heads, heads.head_dim}, layer.q_norm, layer, position);
      if (layer.temperature.length > 0) {
        const float factor = temperature_at(layer.temperature, position);
        kernels_.scale(row, row, factor, heads.q_width());
        float* const second = row + heads.qkv_width() - heads.joined_width();
        if (heads.joined) kernels_.scale(second, second, factor, heads.joined_width());
      }
      if (layer.shares_kv) continue;

      float* const keys = row + heads.q_width();
      prepare(kernels_, {keys, heads.kv_heads, heads.head_dim}, layer.k_norm, layer, position);
      float* const values = keys + heads.k_width();
      if (layer.clip > 0) kernels_.clip(values, layer.clip, heads.v_width());
      normalize(kernels_, {values, heads.kv_heads, heads.value_size()}, layer.v_norm);
      const int slot = *step.kv[static_cast<size_t>(kv.group)].slots.at<int32_t>(t);
      check(slot >= 0 && slot < kv.v.rows, "slot within the blocks");
      store_keys(kernels_, kv, slot, {keys, heads});
      store_values(kernels_, kv, slot, {keys + heads.k_width(), heads});
    }
  });
}

void CpuBackend::attend(Tensor out, Tensor qkv, KvLayer kv, const Step& step, const AttentionLayer& layer) {
  const HeadShape& heads = layer.heads;
  check_equal(qkv.cols, width_of_qkv(layer), "width of q, k and v");
  check_equal(out.cols, heads.out_width(), "attention width");
  check(kv.k.dtype == kv.v.dtype, "k and v are alike");
  check(kv.k.dtype != DType::kI8 || (!kv.k_scales.empty() && kv.k_scales.stride == kv.v_scales.stride),
        "bytes have scales");
  const cpu::AttentionWork work(step, layer, cpu::AttentionMemory::limits(heads), pool_.size());
  const Attention::Arguments arguments = {out, qkv, kv, step, layer};
  const Attention attention(kernels_, memory_.attention, arguments);

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
