// What adapters add to the product of at most kAdapterBlock rows, within the two passes of that product: A x
// where its inputs are taken, B z where its sums are still in a worker's memory.
#pragma once
#include <array>

#include "backend/cpu/cpu_weight.h"
#include "backend/cpu/kernels.h"
#include "backend/low_rank.h"
#include "base/thread_pool.h"

namespace ferrum::cpu {

class RankSums {
 public:
  // `added`: of these rows of x. Allocates nothing.
  RankSums(const Kernels& kernels, const AddedRanks& added, Tensor x);

  // The first pass: parts of the inner products, in any order.
  int64_t units() const { return units_; }
  void make_inner(Range units) const;
  // The second: adds to the sums of a run of panels.
  void add_to(const PanelRun& run, const PanelSums& sums) const;

 private:
  // Rows of one adapter, at most as many as a kernel computes together.
  struct Tile {  // not initialised: there are many, and few are used
    int tokens;
    std::array<int, kTileTokens> rows;
    const std::vector<LowRank>* parts;
    int64_t first_unit;
  };
  template <class Body>
  void each_inner(Range units, const Body& body) const;
  template <class Body>
  void each_added(const PanelRun& run, const PanelSums& sums, const Body& body) const;

  const Kernels& kernels_;
  const AddedRanks& added_;
  Tensor x_;
  int count_ = 0;  // of tiles
  int64_t units_ = 0;
  std::array<Tile, kAdapterBlock> tiles_;
};

}  // namespace ferrum::cpu
