// Parameters of the kernels that treat each row of a batch by itself: rows.cu. A block has a row, or part of
// one.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/views.h"

namespace ferrum::cuda {

inline constexpr int kRowThreads = 128;
inline constexpr int kColumnThreads = 64;  // of kernels that have columns × rows of blocks

enum NormKind : int { kNormNone, kNormRms, kNormLayer };

struct NormWeights {
  int kind;
  const float* weight;  // null: 1
  const float* bias;    // null: 0
  float eps;
};

// norm_rows: residual += scale · x where there is a residual; out = norm(residual, or else x). Grid: rows.
struct NormRows {
  Rows out, residual, x;
  int cols;
  float scale;
  NormWeights norm;
};

// add_rows: to += factor · x. scale_rows: to = factor · to, or with a cap cap · tanh(factor · to / cap).
// Grid: columns, rows.
struct AddRows {
  Rows to, x;
  int cols;
  float factor, cap;
};

enum Gate : int { kGateSigmoid, kGateSoftplus, kGateItself };

// gate_rows: x *= f(gates), a gate for each `run` columns. Grid: columns, rows.
struct GateRows {
  Rows x, gates;
  int cols, run, kind;
};

// gather_rows: to[i] = x[rows[i]]; scatter_rows: to[rows[i]] = x[i]. Words of four bytes. Grid: columns,
// rows.
struct MoveRows {
  Rows to, x;
  const int* rows;
  int cols;
};

enum Pooled : int { kPoolMean, kPoolMeanOfRoot, kPoolWeightedMean, kPoolMax, kPoolFirst, kPoolLast };

// pool_rows: out[i] of rows [starts[i], starts[i + 1]) of x. Grid: columns, rows of out.
struct PoolRows {
  Rows out, x;
  const int* starts;
  int cols, how;
};

// As Activation (backend.h).
struct ActivationParams {
  int kind;
  int gated;
  float limit, alpha, positive, negative, beta;
};

// activate_rows: out = activation(x). Grid: columns of out, rows.
struct ActivateRows {
  Rows out, x;
  int cols;  // of out
  ActivationParams activation;
};

// copy_words: for each i, `count` words of four bytes from part from_to[2 i] to part from_to[2 i + 1]. Grid:
// words, i.
struct CopyWords {
  uint32_t* data;
  int64_t stride;  // words from one part to the next
  const int* from_to;
  int count;
};

}  // namespace ferrum::cuda
