// Parameters of the kernels of layers that keep a state: recurrent.cu. Meanings: backend.h.
#pragma once
#include "backend/cuda/device/gpu_types.h"
#include "backend/cuda/kernels/rows.h"

namespace ferrum::cuda {

// The rows of each sequence, and the slots its state is read from and left in.
struct StateSteps {
  const int* query_start;
  const int* slots;  // [sequences, 2]
  int64_t slots_stride;
};

// convolve: a thread for each channel. Grid: channels, sequences.
inline constexpr int kMostKernel = 8;
struct Convolve {
  Rows x, inputs;
  StateSteps steps;
  const float* weight;  // [kernel, channels]
  int64_t weight_stride;
  const float* bias;  // or null
  int channels, kernel, silu;
};

// A block of these has 32 columns of a head's memory, each with four lanes, which have every fourth run of
// four rows.
inline constexpr int kStateColumns = 32;
inline constexpr int kStateThreads = 4 * kStateColumns;

// delta_rule_128 and _256, by the most rows: writes the sums, without norm and gate. Grid: heads of values,
// sequences, columns.
struct DeltaSteps {
  Rows out, x, memory;
  StateSteps steps;
  const float *decay, *step_bias;
  int key_heads, value_heads, key_dim, value_dim;
  int tiled, by_channel;
};

// finish_delta: norm and gate of each head. Grid: rows.
struct FinishDelta {
  Rows out, x;
  NormWeights norm;
  int heads, value_dim, gate_first, sigmoid_gate;  // the gate's first column in x
};

// state_space_128 and _256. Grid: heads, sequences, columns.
struct SpaceSteps {
  Rows out, x, memory;
  StateSteps steps;
  const float *decay, *step_bias, *skip;
  int heads, head_dim, groups, state_dim;
  float step_min, step_max;
};

// finish_space: norm of each group and gate. Grid: groups, rows.
struct FinishSpace {
  Rows out, z;
  NormWeights norm;
  int columns, norm_first;  // of a group
};

}  // namespace ferrum::cuda
