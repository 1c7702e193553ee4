#include "backend/cpu/attention_work.h"

#include <algorithm>

#include "backend/cpu/kernels.h"
#include "base/check.h"

namespace ferrum::cpu {
namespace {

// The cost of reading and converting a key and its value, in units of rows that use it.
constexpr int kReadCost = 12;
// Items are made smaller until each worker has this many, or until they have few rows.
constexpr int kItemsPerWorker = 6;
constexpr int kFewRows = 32;
// Minimum of partitions times groups of kv heads per worker for taking several kv heads together.
constexpr int kPartsPerWorker = 8;

}  // namespace

int first_seen(const AttentionLayer& layer, int position) {
  if (!layer.causal) return layer.window > 0 ? std::max(0, position - layer.window / 2) : 0;
  const int within = layer.window == 0 ? 0
                     : layer.chunked   ? position / layer.window * layer.window
                                       : std::max(0, position - layer.window + 1);
  return std::min(std::max(within, layer.first), position);
}

AttentionWork::AttentionWork(const Step& step, const AttentionLayer& layer, const AttentionLimits& limits,
                             int workers)
    : step_(step), layer_(layer), limits_(limits), workers_(workers) {
  const HeadShape& heads = layer.heads;
  check_equal(heads.q_heads % heads.kv_heads, 0, "q heads left over after dividing by the kv heads");
  group_ = heads.q_heads / heads.kv_heads;
  heads_ = std::min(group_, limits.rows);
  // Kernels know windows alone, so that a layer that hides its first positions has a window for each query.
  queries_ = layer.first > 0 ? 1 : limits.rows / heads_;
  if (workers > 1) choose_queries();
  if (workers > 1) choose_heads();
  choose_kv_heads();
  for (int s = 0; s < step_.shape.sequences; ++s) total_ += sequence_cost(s);
}

void AttentionWork::choose_queries() {
  while (queries_ > 1 && queries_ * heads_ > kFewRows && !has_enough_items()) queries_ = (queries_ + 1) / 2;
}

// Many heads that share one kv head, as in latent attention, are divided evenly.
void AttentionWork::choose_heads() {
  for (int parts = (group_ + heads_ - 1) / heads_; heads_ > kFewRows && !has_enough_items(); ++parts)
    heads_ = (group_ + parts - 1) / parts;
}

bool AttentionWork::has_enough_items() const {
  int64_t items = 0;
  for (int s = 0; s < step_.shape.sequences; ++s) items += (queries_of(s) + queries_ - 1) / queries_;
  return items * layer_.heads.kv_heads * ((group_ + heads_ - 1) / heads_) >=
         int64_t{kItemsPerWorker} * workers_;
}

// Takes several kv heads together if each sequence has so few rows that they fit, and if enough items remain
// to balance the load.
void AttentionWork::choose_kv_heads() {
  if (heads_ < group_) return;
  int most_queries = 0;
  int64_t partitions = 0;
  for (int s = 0; s < step_.shape.sequences; ++s) {
    most_queries = std::max(most_queries, queries_of(s));
    const int last = *step_.context_len.at<int32_t>(s) - 1;
    partitions += last / kPartition - first_seen(layer_, last) / kPartition + 1;
  }
  if (most_queries == 0 || most_queries * group_ > kFewRows / 2) return;
  const int all = layer_.heads.kv_heads;
  kv_heads_ = std::clamp(limits_.rows / (most_queries * group_), 1, all);
  const auto enough = [&] {
    return partitions * ((all + kv_heads_ - 1) / kv_heads_) >= int64_t{kPartsPerWorker} * workers_;
  };
  while (workers_ > 1 && kv_heads_ > 1 && !enough()) kv_heads_ = (kv_heads_ + 1) / 2;
}

int AttentionWork::queries_of(int sequence) const {
  return *step_.query_start.at<int32_t>(sequence + 1) - *step_.query_start.at<int32_t>(sequence);
}

int AttentionWork::queries_from(int query, int end) const {
  const int most = std::min(queries_, end - query);
  if (!layer_.chunked || layer_.window == 0) return most;
  return std::min(most, layer_.window - *step_.positions.at<int32_t>(query) % layer_.window);
}

int AttentionWork::last_seen(int sequence, int position) const {
  if (layer_.causal) return position;
  const int last = *step_.context_len.at<int32_t>(sequence) - 1;
  return layer_.window == 0 ? last : std::min(last, position + layer_.window / 2);
}

AttentionItem AttentionWork::item_at(int sequence, int kv_head, int first_head, int query) const {
  const int end = *step_.query_start.at<int32_t>(sequence + 1);
  AttentionItem item = {.sequence = sequence,
                        .kv_head = kv_head,
                        .kv_heads = std::min(kv_heads_, layer_.heads.kv_heads - kv_head),
                        .first_head = first_head,
                        .heads = std::min(heads_, group_ - first_head),
                        .first_query = query,
                        .queries = queries_from(query, end),
                        .position = *step_.positions.at<int32_t>(query)};
  const int last = item.position + item.queries - 1;
  check(item.position >= 0 && *step_.positions.at<int32_t>(query + item.queries - 1) == last,
        "a sequence's positions follow each other");
  item.partitions = {first_seen(layer_, item.position) / kPartition,
                     last_seen(sequence, last) / kPartition + 1};
  return item;
}

int64_t AttentionWork::cost_of(const AttentionItem& item) const {
  const int64_t keys =
      last_seen(item.sequence, item.position + item.queries - 1) + 1 - first_seen(layer_, item.position);
  return keys * (item.rows() + item.kv_heads * kReadCost);
}

int64_t AttentionWork::sequence_cost(int sequence) const {
  const int begin = *step_.query_start.at<int32_t>(sequence);
  const int end = *step_.query_start.at<int32_t>(sequence + 1);
  int64_t cost = 0;  // of one kv head
  for (int head = 0; head < group_; head += heads_)
    for (int query = begin; query < end; query += queries_from(query, end)) {
      const AttentionItem item = item_at(sequence, 0, head, query);
      cost += cost_of(item) / item.kv_heads;
    }
  return cost * layer_.heads.kv_heads;
}

int64_t AttentionWork::boundary(const AttentionItem& item, int64_t done, int worker) const {
  const Range& all = item.partitions;
  const int64_t before = cut(worker) - done;
  if (worker == 0 || before <= 0) return all.begin;
  const int64_t per_position = item.rows() + item.kv_heads * kReadCost;
  if (worker == workers_ || before >= cost_of(item)) return all.end;

  const int64_t padded = padded_dim(layer_.heads.value_size());
  const int64_t most = total_ / workers_ / per_position / kPartition + 2;  // partitions of one worker
  // Its states would not fit.
  if (std::min(most, all.size()) * item.rows() * (padded + 2) > limits_.kept_floats)
    return before * 2 <= cost_of(item) ? all.begin : all.end;
  const int64_t position = first_seen(layer_, item.position) + before / per_position;
  return std::clamp((position + kPartition / 2) / kPartition, all.begin, all.end);
}

}  // namespace ferrum::cpu
