// What the adapters in use add to each weight of a model.
#pragma once
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "backend/arena.h"
#include "backend/backend.h"
#include "checkpoint/adapters/adapter.h"
#include "models/weight_origin.h"

namespace ferrum {

class AdapterTables {
 public:
  // The largest sum of ranks that an adapter may have beside one product.
  static constexpr int kMostRanks = 4096;

  // `slots`: adapters that may be in use at once. `dtype`: of matrices that files have in float32.
  AdapterTables(const ModelDescription& model, std::vector<WeightOrigin> origins, int slots, DType dtype);

  int slots() const { return static_cast<int>(memory_.size()); }
  class Prepared;
  // The matrices that an adapter adds, on the host. For any thread. Error kUnsupported for an adapter that
  // changes what no product uses, or has more than kMostRanks.
  Prepared prepare(const Adapter& adapter) const;
  // Not within a step, on the backend's thread. The slot is empty. Error kNoMemory, with nothing changed.
  void install(Backend& backend, int slot, const Prepared& prepared);
  void remove(int slot);

  // What is added to one weight's product, or to the rows that are looked up in it.
  struct Entry {
    LowRanks ranks;  // of each slot, one for each of the weight's matrices
    int matrices = 1;
    int most_ranks = 0;  // the largest sum of the ranks of one of them

    void count_ranks();
  };
  const Entry* product(const Weight& w) const { return find(products_, w); }  // null: nothing
  const Entry* lookup(const Weight& w) const { return find(lookups_, w); }

 private:
  using Entries = std::unordered_map<const Weight*, Entry>;
  static const Entry* find(const Entries& entries, const Weight& w) {
    const auto at = entries.find(&w);
    return at == entries.end() ? nullptr : &at->second;
  }
  // The part that a tensor is of another one into which some files fuse it: rows [first, first + rows).
  struct Fused {
    TensorRole whole;
    int64_t first, rows;
  };
  // One thing that an adapter adds.
  struct Addition {
    const WeightOrigin* origin;
    enum class To : uint8_t { kProduct, kLookup } to;
    int matrix;
    LowRank part;
  };
  // For each row of the weight the row of a tensor of this role that it is made of; −1: none.
  std::vector<int64_t> rows_of(const WeightOrigin& origin, const TensorKey& key) const;

  void check_ranks(const Adapter& adapter, const std::vector<Addition>& additions) const;

  int vocab_;
  DType dtype_;
  bool tied_head_;
  std::vector<WeightOrigin> origins_;
  std::map<std::pair<int, TensorRole>, Fused> fused_;  // by layer and role
  Entries products_, lookups_;
  std::vector<std::unique_ptr<Buffer>> memory_;  // [slots]; null: the slot is empty
};

class AdapterTables::Prepared {
 public:
  size_t bytes() const;  // on the device

 private:
  friend class AdapterTables;
  HostArena memory_;
  std::vector<Addition> additions_;
};

}  // namespace ferrum
