// Divides the work of one attention step among workers.
//
// An item is a tile of successive queries of one sequence, for one kv head or, where there are few queries,
// several: a token's keys lie head by head, and memory is read fastest in order. The items, each with the
// partitions of the context that it sees, form one row of work; worker w takes the w-th part of it by cost.
// If a boundary falls inside an item, the worker of its first partitions owns it, and the others leave it the
// states of theirs. The division does not affect any result.
#pragma once
#include "backend/backend.h"
#include "base/thread_pool.h"

namespace ferrum::cpu {

struct AttentionItem {
  int sequence = 0;
  int kv_head = 0;  // the first of the item
  int kv_heads = 0;
  int first_head = 0;  // the first of the q heads that share a kv head
  int heads = 0;
  int first_query = 0;  // row of the step
  int queries = 0;
  int position = 0;  // of the first query
  Range partitions;  // that the queries see

  int rows() const { return kv_heads * heads * queries; }
};

// The first position that a token at `position` sees.
int first_seen(const AttentionLayer& layer, int position);

struct AttentionLimits {
  int rows = 0;             // per item
  int64_t kept_floats = 0;  // for states of partitions whose item another worker owns
};

class AttentionWork {
 public:
  // Reads the step's host memory; copies nothing.
  AttentionWork(const Step& step, const AttentionLayer& layer, const AttentionLimits& limits, int workers);

  // Calls part(item, partitions) for each part of `worker`, in order. Only its first part may belong to an
  // item that another worker owns, and only its last may be continued by another worker.
  template <class Part>
  void each_part(int worker, const Part& part) const {
    const int64_t end = cut(worker + 1);
    int64_t done = 0;
    for (int s = 0; s < step_.shape.sequences && done < end; ++s) {
      const int64_t of_sequence = sequence_cost(s);
      if (done + of_sequence > cut(worker))
        each_item(s, [&](const AttentionItem& item) {
          const int64_t cost = cost_of(item);
          const Range mine = {boundary(item, done, worker), boundary(item, done, worker + 1)};
          if (mine.begin < mine.end) part(item, mine);
          done += cost;
        });
      else
        done += of_sequence;
    }
  }

 private:
  template <class Visit>
  void each_item(int sequence, const Visit& visit) const {
    const int begin = *step_.query_start.at<int32_t>(sequence);
    const int end = *step_.query_start.at<int32_t>(sequence + 1);
    for (int kv_head = 0; kv_head < layer_.heads.kv_heads; kv_head += kv_heads_)
      for (int head = 0; head < group_; head += heads_)
        for (int query = begin; query < end; query += queries_from(query, end))
          visit(item_at(sequence, kv_head, head, query));
  }
  void choose_queries();
  void choose_heads();
  bool has_enough_items() const;
  void choose_kv_heads();
  AttentionItem item_at(int sequence, int kv_head, int first_head, int query) const;
  int64_t cost_of(const AttentionItem& item) const;
  int64_t sequence_cost(int sequence) const;
  int64_t cut(int worker) const { return total_ * worker / workers_; }
  // The partition at which `worker` begins in an item, given the cost of all items before it.
  int64_t boundary(const AttentionItem& item, int64_t done, int worker) const;
  int last_seen(int sequence, int position) const;
  // Of an item that begins at this row, of a sequence that ends before row `end`: all in one chunk.
  int queries_from(int query, int end) const;
  int queries_of(int sequence) const;

  const Step& step_;
  const AttentionLayer& layer_;
  AttentionLimits limits_;
  int workers_;
  int group_;         // q heads per kv head
  int heads_;         // per item, at most
  int queries_;       // per item, at most
  int kv_heads_ = 1;  // per item, at most
  int64_t total_ = 0;
};

}  // namespace ferrum::cpu
