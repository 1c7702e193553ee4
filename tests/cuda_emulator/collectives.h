// What the lanes of a warp do together: shuffles, votes, matrix loads and products, and synchronisation.
#pragma once
#include "launch.h"

namespace gpu::emulated {

struct ShuffleArgs {
  uint32_t* x;
  int from;
  bool is_xor;
};
struct BallotArgs {
  bool x;
  unsigned* result;
};
struct MatrixArgs {
  uint32_t* d;
  uintptr_t row;
  bool transposed;
};
struct MmaArgs {
  void* d;
  const uint32_t* a;
  uint32_t b[2];
};

// The running lane's part of a collective of the lanes in `mask`; returns when it is done.
void collective(Kind kind, unsigned mask, const void* args, int line, uintptr_t pc);
// Where lanes of a warp wait at different collectives, those of which all are there go on.
void sort_out(Block& block, Warp& warp);

// The mathematics, by the PTX ISA's definition of the fragments; `lanes` are those of the warp.
void load_matrices(Block& block, Lane* lanes);
void multiply_bf16(Lane* lanes);
void multiply_f16(Lane* lanes);
void multiply_tf32(Lane* lanes);
void multiply_s8(Lane* lanes);

}  // namespace gpu::emulated
