// What adapters add to the products of a model: matrices of low rank beside a weight (LoRA, arXiv
// 2106.09685). Each row of a step names the adapter that it uses, so one operation serves all of them.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace ferrum {

// scale · B (A x), added to columns [first, first + rows) of the product's output. f32, f16 or bf16, both
// alike.
struct LowRank {
  Tensor a;       // A [rank, in]; of a table whose rows are looked up Aᵀ [vocab, rank]; empty: A is 1
  Tensor b;       // Bᵀ [rank, rows]; empty: B is 1
  int first = 0;  // column of the output
  int from = 0;   // column of the input that A begins with
  float scale = 1;

  int rank() const { return a.empty() || b.empty() ? 0 : b.rows; }
};

// What each adapter adds to one product: by slot; none: the adapter does not change it. On the host, with
// tensors on the device. Of a weight that is several matrices, those of a slot follow one another: entry
// slot × matrices + matrix.
using LowRanks = std::vector<std::vector<LowRank>>;

// Rows are sorted by their adapters within blocks of so many.
inline constexpr int kAdapterBlock = 256;

// The adapter of each row.
struct AdapterRows {
  Tensor slots;      // [rows] i32, of LowRanks; −1: none
  Tensor scales;     // [rows] f32
  Tensor matrix;     // [rows] i32: the one of a weight's matrices that the row is multiplied with; or empty
  int matrices = 1;  // of the weight
  // [rows] i32: of each kAdapterBlock rows a permutation, counted from the block's first, in which rows of
  // one slot follow one another. Empty: in their own order.
  Tensor order;

  bool empty() const { return slots.empty(); }
  // REQUIRES: where there is an order, `first` begins a block, and the rows are of one block or reach to the
  // end of one.
  AdapterRows at(int first, int count) const {
    const auto part = [&](const Tensor& t) { return t.empty() ? t : t.rows_at(first, count); };
    return {part(slots), part(scales), part(matrix), matrices, part(order)};
  }
};

// What adapters add to one product.
struct AddedRanks {
  const LowRanks& adapters;
  AdapterRows rows;  // without matrices
  Tensor room;       // [rows, or kAdapterBlock if they are more; the largest sum of ranks of one adapter] f32
  Tensor product;    // [rows, rows of the weight] f32, of expand(): room for what comes before the activation
};

// The adapters of a step's rows.
struct StepAdapters {
  AdapterRows rows;  // empty: no row has one
  // What an adapter adds to an expert's first product goes through the activation, inside the one operation
  // for all experts. So the experts of these rows are computed one product after the other: rows whose
  // adapters change experts in any layer, so that it depends on nothing else.
  Tensor expert_rows;  // [n] i32, ascending
  // Each of them once for each of its experts.
  Tensor pair_rows;   // [n × top_k] i32
  AdapterRows pairs;  // [n × top_k]
};

}  // namespace ferrum
