// ldmatrix and mma: which lane holds which element of a matrix is the PTX ISA's definition ("Matrix Fragments
// for mma.m16n8k16" and the like). Sums are in float32, one product after another in order of k.
#include <algorithm>
#include <bit>
#include <cstring>

#include "accesses.h"
#include "backend/cuda/device/gpu_emulated.h"
#include "collectives.h"
#include "report.h"

namespace gpu::emulated {
namespace {

const MmaArgs& mma_of(const Lane& lane) { return *static_cast<const MmaArgs*>(lane.args); }

float bf16(uint32_t pair, int i) { return std::bit_cast<float>(i == 0 ? pair << 16 : pair & 0xffff0000u); }
float f16(uint32_t pair, int i) { return f16_to_float(static_cast<uint16_t>(i == 0 ? pair : pair >> 16)); }
// The lowest 13 bits of a TF32 operand are ignored.
float tf32(uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

// d [16, 8] += a [16, K] · b [K, 8], of which each lane has d[g], d[g + 8] at columns 2t and 2t + 1.
template <int K>
void multiply(Lane* lanes, const float (&a)[16][K], const float (&b)[K][8]) {
  float d[16][8];
  for (int i = 0; i < 32; ++i)
    for (int e = 0; e < 4; ++e)
      d[i / 4 + e / 2 * 8][i % 4 * 2 + e % 2] = static_cast<const float*>(mma_of(lanes[i]).d)[e];
  for (int m = 0; m < 16; ++m)
    for (int k = 0; k < K; ++k)
      for (int n = 0; n < 8; ++n) d[m][n] += a[m][k] * b[k][n];
  for (int i = 0; i < 32; ++i)
    for (int e = 0; e < 4; ++e)
      static_cast<float*>(mma_of(lanes[i]).d)[e] = d[i / 4 + e / 2 * 8][i % 4 * 2 + e % 2];
}

// Of numbers of 16 bits, which kValue takes from a pair.
template <float (*kValue)(uint32_t pair, int i)>
void multiply_halves(Lane* lanes) {
  float a[16][16], b[16][8];
  for (int i = 0; i < 32; ++i) {
    const MmaArgs& args = mma_of(lanes[i]);
    const int g = i / 4, t = i % 4 * 2;
    for (int e = 0; e < 2; ++e) {
      a[g][t + e] = kValue(args.a[0], e);
      a[g + 8][t + e] = kValue(args.a[1], e);
      a[g][t + 8 + e] = kValue(args.a[2], e);
      a[g + 8][t + 8 + e] = kValue(args.a[3], e);
      b[t + e][g] = kValue(args.b[0], e);
      b[t + 8 + e][g] = kValue(args.b[1], e);
    }
  }
  multiply<16>(lanes, a, b);
}

}  // namespace

void load_matrices(Block& block, Lane* lanes) {
  uint16_t rows[32][8];
  Lane* const caller = current;
  for (int i = 0; i < 32; ++i) {
    const auto& args = *static_cast<const MatrixArgs*>(lanes[i].args);
    current = &lanes[i];
    if (args.row - block.shared >= kWindowBytes)
      bad_access("ldmatrix from outside of shared memory", args.row, 16, lanes[i].pc);
    access(Access::kRead, args.row, 16, lanes[i].pc);
    std::memcpy(rows[i], reinterpret_cast<const void*>(args.row), 16);
  }
  current = caller;
  for (int m = 0; m < 4; ++m) {  // eight rows take one wave if they lie in different groups of four banks
    int of_group[8] = {};
    for (int r = 0; r < 8; ++r)
      ++of_group[static_cast<const MatrixArgs*>(lanes[m * 8 + r].args)->row / 16 % 8];
    ++totals.matrix_phases;
    totals.matrix_waves += static_cast<uint64_t>(*std::max_element(of_group, of_group + 8));
  }
  for (int i = 0; i < 32; ++i) {
    const auto& args = *static_cast<const MatrixArgs*>(lanes[i].args);
    for (int m = 0; m < 4; ++m) {
      const int r = m * 8 + (args.transposed ? i % 4 * 2 : i / 4);
      const int c = args.transposed ? i / 4 : i % 4 * 2;
      const uint32_t high = args.transposed ? rows[r + 1][c] : rows[r][c + 1];
      args.d[m] = rows[r][c] | high << 16;
    }
  }
}

void multiply_bf16(Lane* lanes) { multiply_halves<bf16>(lanes); }
void multiply_f16(Lane* lanes) { multiply_halves<f16>(lanes); }

void multiply_tf32(Lane* lanes) {
  float a[16][8], b[8][8];
  for (int i = 0; i < 32; ++i) {
    const MmaArgs& args = mma_of(lanes[i]);
    const int g = i / 4, t = i % 4;
    a[g][t] = tf32(args.a[0]);
    a[g + 8][t] = tf32(args.a[1]);
    a[g][t + 4] = tf32(args.a[2]);
    a[g + 8][t + 4] = tf32(args.a[3]);
    b[t][g] = tf32(args.b[0]);
    b[t + 4][g] = tf32(args.b[1]);
  }
  multiply<8>(lanes, a, b);
}

void multiply_s8(Lane* lanes) {
  int8_t a[16][32], b[32][8];
  for (int i = 0; i < 32; ++i) {
    const MmaArgs& args = mma_of(lanes[i]);
    const int g = i / 4, t = i % 4 * 4;
    for (int e = 0; e < 4; ++e) {
      const auto byte = [&](uint32_t x) { return static_cast<int8_t>(x >> (8 * e)); };
      a[g][t + e] = byte(args.a[0]);
      a[g + 8][t + e] = byte(args.a[1]);
      a[g][t + 16 + e] = byte(args.a[2]);
      a[g + 8][t + 16 + e] = byte(args.a[3]);
      b[t + e][g] = byte(args.b[0]);
      b[t + 16 + e][g] = byte(args.b[1]);
    }
  }
  for (int i = 0; i < 32; ++i)
    for (int e = 0; e < 4; ++e) {
      int32_t& d = static_cast<int32_t*>(mma_of(lanes[i]).d)[e];
      for (int k = 0; k < 32; ++k) d += a[i / 4 + e / 2 * 8][k] * b[k][i % 4 * 2 + e % 2];
    }
}

}  // namespace gpu::emulated
