// Parameters of the kernels that choose experts and sort rows by them: routing.cu.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/rows.h"

namespace ferrum::cuda {

inline constexpr int kMostExperts = 1024;  // 32 of each lane
inline constexpr int kMostExpertGroups = 32;
inline constexpr int kMostChosen = 64;

enum Score : int { kScoreSoftmax, kScoreSigmoid, kScoreSoftmaxOfChosen, kScoreOneByOne };

// route_tokens: RoutingRule (backend.h) for each row of logits, a warp for each. Grid: rows.
struct RouteTokens {
  Rows logits;
  int* ids;
  int64_t ids_stride;
  Rows weights;
  const float* bias;           // or null
  const float* expert_scales;  // or null
  int experts, top_k, score, renormalize;
  float floor, scale, jitter;
  int groups, groups_used, group_by_largest;
};

// sort_pairs: gives each pair, of a row and one of its matrices, a position, so that each tile of positions
// has one matrix; pairs of a matrix stay in order. One block.
inline constexpr int kSortThreads = 256;
struct SortPairs {
  const int* ids;  // [rows, each] the matrix of each pair
  int64_t ids_stride;
  int each, pairs, matrices;
  int tile, tiles;  // positions of a tile, and room
  int* rows;        // [tiles × tile] of each position; −1: none
  int* groups;      // [tiles] the matrix; −1: none
  int* place;       // [pairs] the position
};

// activate_positions: as activate_rows, of positions whose tile has a matrix. Grid: columns, positions.
struct ActivatePositions {
  ActivateRows rows;
  int tile;
  const int* groups;
};

// combine_experts: out[t] = Σ weights[t, i] · results[place[t, i]]. Grid: columns, rows.
struct CombineExperts {
  Rows out, results, weights;
  const int* place;
  int cols, each;
};

}  // namespace ferrum::cuda
