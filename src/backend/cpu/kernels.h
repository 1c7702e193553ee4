// The inner loops of the CPU backend: one table per instruction set. kernels/*.cpp is compiled once for each.
//
// Code compiled for AVX-512 must never run on a CPU without it (fault B59), but the linker keeps one copy of
// an inline function, whichever file it came from. So the kernels' files call nothing that is inline with
// external linkage: no std:: templates, no inline functions of ours; their own helpers are `static` in a
// namespace named after the instruction set. A test reads the symbols of the compiled files and fails on a
// weak one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/cpu_features.h"
#include "tensor/dtype.h"
#include "tensor/format.h"

namespace ferrum::cpu {

// A weight is multiplied in panels: as many rows as a register has 32-bit lanes, interleaved so that one
// register holds the next bytes of each row (kernels/quads.h describes each format's layout). A panel takes
// as many bytes as its rows, except in the coded formats. Columns are processed in spans, blocks and quads of
// 256, 32 and 4.
inline constexpr int kSpan = 256;
inline constexpr int kBlock = 32;
inline constexpr int kBlocks = kSpan / kBlock;
inline constexpr int kMostLanes = 16;  // of any instruction set

// Bytes of a span of a panel of a coded format (tensor/formats/coded.h), which are more than those of its
// rows: codes, four bits for every 16 columns' scale, d in float32, and the table.
constexpr int coded_span_bytes(int bits, int lanes) {
  return lanes * (kSpan / 8 * bits + kSpan / 32 + 4) + (1 << bits);
}

// A span of one row of activations, quantised to signed bytes in −127 … 127 with a scale per block, and the
// sums that products need per block (and per half block, for formats with scales that fine). Blocks past the
// row's end are zero.
struct alignas(64) InputSpan {
  int8_t quants[kSpan];
  float scales[kBlocks];
  int32_t offsets[kBlocks];        // −128 × sum of the block's quants
  float sums[kBlocks];             // scale × sum of the quants
  int32_t small_offsets[kBlocks];  // −8 × the sum
  // −128 × the sum; where products are summed in 16 bits (kernels/dots_avx2.h), two words for each block: −1
  // × the sums of its halves.
  int32_t half_offsets[2 * kBlocks];
  float half_sums[2 * kBlocks];
};
static_assert(sizeof(InputSpan) == 512);

// A span of one row of activations in float32; zeros past the row's end.
struct alignas(64) FloatSpan {
  float values[kSpan];
};

// The same, rounded to bf16.
struct alignas(64) HalfSpan {
  uint16_t values[kSpan];
};

// Kernels process tokens in tiles, and may read inputs and write sums of up to this many tokens past the
// last.
inline constexpr int kTilePadding = 12;

// sums[p][t] += panel p × input t, over a range of columns that begins at a whole span. A row's sum is
// accumulated block by block in column order, so it has the same bits however columns, tokens and panels are
// divided.
struct PanelTask {
  const uint8_t* panels;  // at the first span
  int64_t panel_stride;   // in bytes
  int panel_count;
  int cols;
  const void* inputs;    // InputSpan, FloatSpan or HalfSpan: span s of token t at [s × input_stride + t]
  int64_t input_stride;  // in spans
  int tokens;
  float* sums;          // [panel_count, tokens + padding, lanes]
  int64_t sums_stride;  // floats between panels
};

// Sums of adjacent panels: `lanes` sums of panel p and token t at data[p × panel_stride + t × lanes].
struct PanelSums {
  float* data;
  int64_t panel_stride;

  PanelSums from(int64_t panel) const { return {data + panel * panel_stride, panel_stride}; }
};

// The destination of sums of adjacent panels: `rows` lanes of them go to columns of `tokens` rows.
struct SumRows {
  float* out;
  int64_t stride;
  int tokens;
  int rows;
};

// The number of kinds of Activation.
inline constexpr int kActivationCount = 7;
struct ActivationConstants {
  float limit;
  float alpha;
  float positive, negative, beta;
};

// Attention. A context is divided at multiples of kPartition, and a partition at multiples of kRunKeys, so
// that rounding depends on a query's position alone.
inline constexpr int kPartition = 512;
inline constexpr int kRunKeys = 64;
inline constexpr int kMaxHeadDim = 1024;
inline constexpr int kDimPadding = 32;  // sums of values are padded to a multiple of this

static constexpr int padded_dim(int dim) {  // static: see above
  return (dim + kDimPadding - 1) / kDimPadding * kDimPadding;
}

// Successive queries of one sequence, for some kv heads and the q heads that share each, and the location of
// keys and values. Row (g × tokens + t) × heads + h is query t, head h of those that share kv head g.
struct AttentionTile {
  const float* q;  // [rows, score_dim], multiplied by scale × log2 e
  int kv_heads;
  int tokens;
  int heads;
  int head_dim;      // of q and k
  int value_dim;     // of v
  bool joined;       // a key is k and then v (see HeadShape): score_dim is the sum of both, else head_dim
  int position;      // of the first query
  int first;         // position that all queries see at the earliest
  int window;        // positions that a query sees up to its own, that included; 0: all
  int ahead;         // positions that it sees behind its own
  int context;       // positions of the sequence that some query may see
  const void* k;     // block 0 (see KvLayer), at the first of the kv heads
  const void* v;     // slot 0, at the first of the kv heads
  int64_t k_stride;  // elements between blocks
  int64_t v_stride;  // elements between slots
  const float* k_scales;  // row 0, at the first of the kv heads, for int8 blocks
  const float* v_scales;
  int64_t scale_stride;  // in floats
  const int32_t* blocks;
  int block_tokens;
  float soft_cap;       // multiplied by log2 e; 0: scores are not capped
  const float* slopes;  // of the heads of q, at the first of them (AttentionLayer); null: none
};

// The softmax over some positions, for each row: their largest score, the sum of 2^(score − largest), and the
// values weighted so. If a row sees none of the positions, highest is −FLT_MAX and the sums are 0.
struct AttentionState {
  float* highest;  // [rows]
  float* total;    // [rows]
  float* values;   // [rows, value_dim padded]
};

struct AttentionScratch {
  float* keys;         // [kRunKeys × score_dim]: keys in lanes
  float* values;       // [kRunKeys × value_dim padded]
  float* scores;       // [rows of a kv head, kRunKeys]
  float* corrections;  // [rows of a kv head]
  float* lane_totals;  // [rows, kMostLanes]
};

// z[t, r] = Σ_i a[r, i] · x[t, i] of successive tokens.
inline constexpr int kTileTokens = 4;
struct LowRankInTask {
  const void* a;  // [rank, cols]
  int64_t a_stride;
  int rank;
  int cols;
  const float* x[kTileTokens];  // of each token [cols]
  float* z[kTileTokens];        // [rank]
  int tokens;                   // at most kTileTokens
  const void* next = nullptr;   // the matrix that is read behind this one: its rows are prefetched; or null
};

// sums[p][t][lane] += scales[t] · Σ_r b[r, column] · z[t, r], for the columns of adjacent panels: lane l of
// panel p is column p × lanes + l of b, and only columns from 0 to cols are there.
struct LowRankPanelsTask {
  const void* b;  // [rank, cols]
  int64_t b_stride;
  int rank;
  int cols;
  int first;  // column of lane 0 of panel 0; may be negative
  int panels;
  const float* z[kTileTokens];  // of each token [rank]
  float scales[kTileTokens];
  float* sums[kTileTokens];  // of each token in panel 0: [lanes]
  int64_t panel_stride;      // floats between panels
  int tokens;                // at most kTileTokens
  // Columns that are read behind these, from the first one on: they are prefetched; or null.
  const void* next = nullptr;  // [rank, …]
  int64_t next_stride = 0;
};

// out[t, j] += scales[t] · scale · Σ_r b[r, j] · z[t, r]
struct LowRankOutTask {
  const void* b;  // [rank, cols]
  int64_t b_stride;
  int rank;
  int cols;
  const float* z;  // [tokens, rank]
  int64_t z_stride;
  const float* scales;  // [tokens]
  int64_t scales_stride;
  float scale;
  float* out;  // [tokens, cols]
  int64_t out_stride;
  int tokens;  // at most kTileTokens
};

// A convolution of channels [first, last) with their inputs, over successive tokens of one sequence.
inline constexpr int kMaxKernel = 16;
struct ConvolutionTask {
  float* x;  // [tokens, channels], in place
  int64_t stride;
  int tokens;
  int channels;
  int first, last;
  const float* weight;  // [kernel, channels]
  int64_t weight_stride;
  const float* bias;  // [channels], or null
  int kernel;
  bool silu;
  const float* before;  // [kernel − 1, channels]; null: zeros
  float* after;         // may be `before`
};

// The delta rule of columns [first, last) of one head's memory, over successive tokens of one sequence.
struct DeltaTask {
  const float* x;  // rows with q and k as they are multiplied, v, σ(beta), and the share that is kept
  int64_t stride;
  int tokens;
  int q_offset, k_offset, v_offset, beta_offset, kept_offset;  // of this head, in floats
  int key_dim, value_dim;
  int first, last;
  const float* before;  // [key_dim, value_dim]; null: zeros
  float* after;         // may be `before`
  float* out;           // [tokens, value_dim]
  int64_t out_stride;
};

// Mamba-2's state space of columns [first, last) of one head's memory, over successive tokens of one
// sequence.
struct StateSpaceTask {
  const float* x;  // rows with x, B, C, and the step's length
  int64_t stride;
  int tokens;
  int x_offset, b_offset, c_offset, length_offset;  // of this head, in floats
  int state_dim, head_dim;
  int first, last;
  float decay, skip;
  const float* before;  // [state_dim, head_dim]; null: zeros
  float* after;         // may be `before`
  float* out;           // [tokens, head_dim]
  int64_t out_stride;
};

struct NormTask {
  const float* weight;
  const float* bias;
  int n;
  float eps;
};

struct HeadTask {
  float* head;           // changed in place
  const float* cos_sin;  // [rotary_dim]: the cosines, then the sines
  int rotary_dim;
  bool neighbours;  // pairs are elements 2i and 2i + 1 instead of i and i + rotary_dim / 2
};

// Peak rates of the instruction set, to measure the machine (machine_limits.h).
struct Peaks {
  // Reads all bytes in several sequential streams, each with prefetches `ahead` bytes ahead, or with those of
  // the hardware alone if that is 0; the result depends on every byte.
  uint64_t (*read)(const uint8_t* data, size_t bytes, size_t ahead);
  // Each runs `rounds` over independent sums and returns the number of operations, a multiply-add counted as
  // two.
  int64_t (*dot_int8)(int64_t rounds);  // unsigned × signed bytes, exact sums in 32 bits
  int64_t (*dot_bf16)(int64_t rounds);  // VDPBF16PS; null where the set lacks it
  int64_t (*multiply_add_f32)(int64_t rounds);
};

// What is done with the panels of one format.
struct FormatKernels {
  // `rows` are the rows' bytes in the file's layout, null past the last row; `cols` is the row's width, or
  // that of whole spans.
  void (*pack)(const uint8_t* const* rows, int cols, uint8_t* panel);
  void (*multiply)(const PanelTask& task);
  // Of integer formats; null for the float ones, which are multiplied directly.
  void (*unpack)(const uint8_t* panel, int cols, uint8_t* spans);
  void (*multiply_unpacked)(const PanelTask& task);  // panels of unpacked spans
  // Decodes to float32 [cols, lanes]: a panel of format F32.
  void (*expand)(const uint8_t* panel, int cols, float* out);
  // Up to this many tokens read packed spans once, from memory. More are multiplied span by span, of integer
  // formats after it was unpacked.
  int direct_tokens;
};

struct FormatTable {
  FormatKernels of[kFormatCount];  // by Format
};

struct Kernels {
  // On rows; `out` may be `x`. A null weight means all 1, a null bias all 0.
  void (*rms_norm)(float* out, const float* x, const float* weight, int n, float eps);
  void (*layer_norm)(float* out, const float* x, const NormTask& task);
  void (*add_scaled)(float* to, const float* x, float scale, int n);  // to += scale × x
  void (*scale)(float* out, const float* x, float scale, int n);      // scale × x
  void (*soft_cap)(float* x, float factor, float cap, int n);         // x = cap · tanh(factor · x / cap)
  void (*clip)(float* x, float limit, int n);                         // to ± limit
  // x [count × run]: multiplies each run of elements by f of its gate. Indexed by GateKind.
  void (*apply_gate[3])(float* x, const float* gates, int count, int run);
  void (*logistic)(float* out, const float* x, int n);     // 1 / (1 + e^−x)
  void (*gate_silu)(float* x, const float* gates, int n);  // x *= gate σ(gate)
  void (*to_direction)(float* x, int n, float scale);      // x *= scale / √(Σ x² + 1e-6)
  // beta = σ(beta), alpha = e^(decay · softplus(alpha + step_bias))
  void (*delta_rates)(float* beta, float* alpha, const float* decay, const float* step_bias, int n);
  void (*convolve)(const ConvolutionTask& task);
  void (*delta_rule)(const DeltaTask& task);
  // The same where each channel of a key decays by a rate of its own: alpha = e^(decay · softplus(alpha +
  // step_bias)) of one head's channels; kept_offset is that of the shares that channels keep, [key_dim].
  void (*channel_rates)(float* alpha, float decay, const float* step_bias, int n);
  void (*channel_delta_rule)(const DeltaTask& task);
  // x = softplus(x + bias), limited to least … most
  void (*step_lengths)(float* x, const float* bias, int n, float least, float most);
  void (*state_space)(const StateSpaceTask& task);
  // Matrices of low rank, by their type: f32, f16, bf16.
  void (*low_rank_in[3])(const LowRankInTask& task);
  void (*low_rank_out[3])(const LowRankOutTask& task);
  void (*low_rank_panels[3])(const LowRankPanelsTask& task);
  void (*add_row[3])(float* to, const void* row, float scale, int n);  // to += scale × row
  void (*read_row[3])(float* to, const void* row, int n);
  float (*sum_of_exp)(const float* x, int n, float highest);  // Σ e^(x − highest)

  // Quantises n float32 values to spans, `stride` spans apart. A NaN or an infinity makes its block's scale
  // NaN.
  void (*quantize)(const float* x, int n, InputSpan* spans, int64_t stride);

  int lanes;           // rows per panel
  int unpacked_bytes;  // of a span of one panel

  FormatTable formats;
  // Panels of BF16 with HalfSpans, and whether that is faster than with FloatSpans.
  void (*multiply_pairs)(const PanelTask& task);
  bool has_pair_dot;
  void (*copy_sums)(const SumRows& to, PanelSums sums);
  // Indexed by Activation::Kind: f(gate) × up, and f(sums); null if f is defined only with a gate.
  void (*gate_sums[kActivationCount])(const SumRows& to, PanelSums gate, PanelSums up,
                                      const ActivationConstants& constants);
  void (*apply_sums[kActivationCount])(const SumRows& to, PanelSums sums,
                                       const ActivationConstants& constants);

  // Indexed by the cache's DType: F32, F16, BF16; and I8, for which attend and quantize_head use scales.
  void (*convert[3])(void* out, const float* x, int n);
  float (*quantize_head)(int8_t* out, const float* x, int n);  // returns the scale
  // The softmax over the positions [partition, partition + kPartition) that the tile sees.
  void (*attend[4])(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                    const AttentionState& state);
  // Row `row`: merges `from` into `to`. Partitions are merged in order of position.
  void (*add_state)(const AttentionState& to, const AttentionState& from, int row, int padded);

  void (*rotate_head)(const HeadTask& task);

  Peaks peaks;
};

// Requires has_kernels(isa), and that missing_for(isa) is empty.
const Kernels& kernels_for(Isa isa);

}  // namespace ferrum::cpu
