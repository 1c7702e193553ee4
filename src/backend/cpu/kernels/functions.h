// The functions that the files of one instruction set contribute to its table.
#pragma once
#include "backend/cpu/kernels.h"
#include "backend/cpu/kernels/format_list.h"

#ifndef FERRUM_ISA
#error "kernels are compiled with FERRUM_ISA naming their namespace: see src/backend/floor.cmake"
#endif

namespace ferrum::cpu::FERRUM_ISA {

// Where VPMADDUBSW multiplies bytes, products are summed in 16 bits first (dots_avx2.h).
#if defined(__AVX2__) && !defined(__AVX512VNNI__) && !defined(__AVXVNNI__)
#define FERRUM_WORD_SUMS
#endif

// Formats whose quants need all 256 values. AVX2's multiplication of bytes saturates unless one factor stays
// below 128, so it reads such quants as signed bytes and multiplies magnitudes; NEON has products of signed
// bytes only. The other sets shift them by 128.
#if defined(FERRUM_WORD_SUMS) || defined(FERRUM_NEON)
constexpr int kWideOffset = 0;
#else
constexpr int kWideOffset = 128;
#endif

// Added to the numbers of coded formats, which are below 64 in magnitude.
#if defined(FERRUM_NEON)
constexpr int kCodedOffset = 0;
#else
constexpr int kCodedOffset = 64;
#endif

// Whether all CPUs with the instruction set multiply pairs of bf16 in one instruction.
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
constexpr bool kHasPairDot = true;
#else
constexpr bool kHasPairDot = false;
#endif

// rows.cpp
void rms_norm(float* out, const float* x, const float* weight, int n, float eps);
void layer_norm(float* out, const float* x, const NormTask& task);
void add_scaled(float* to, const float* x, float scale, int n);
void scale(float* out, const float* x, float factor, int n);
void soft_cap(float* x, float factor, float cap, int n);
void clip(float* x, float limit, int n);
void gate_logistic(float* x, const float* gates, int count, int run);
void gate_softplus(float* x, const float* gates, int count, int run);
void gate_itself(float* x, const float* gates, int count, int run);
void logistic_row(float* out, const float* x, int n);
float sum_of_exp(const float* x, int n, float highest);
void copy_sums(const SumRows& to, PanelSums sums);
void rotate_head(const HeadTask& task);
float quantize_head(int8_t* out, const float* x, int n);
void to_direction(float* x, int n, float scale);
void gate_silu_row(float* x, const float* gates, int n);
void convert_f32(void* out, const float* x, int n);
void convert_f16(void* out, const float* x, int n);
void convert_bf16(void* out, const float* x, int n);

// convolution.cpp
void convolve(const ConvolutionTask& task);

// delta_rule.cpp
void delta_rates(float* beta, float* alpha, const float* decay, const float* step_bias, int n);
void delta_rule(const DeltaTask& task);
void channel_rates(float* alpha, float decay, const float* step_bias, int n);
void channel_delta_rule(const DeltaTask& task);

// state_space.cpp
void step_lengths(float* x, const float* bias, int n, float least, float most);
void state_space(const StateSpaceTask& task);

// low_rank.cpp
#define FERRUM_LOW_RANK(name)                                          \
  void low_rank_in_##name(const LowRankInTask& task);                  \
  void low_rank_out_##name(const LowRankOutTask& task);                \
  void low_rank_panels_##name(const LowRankPanelsTask& task);          \
  void add_row_##name(float* to, const void* row, float scale, int n); \
  void read_row_##name(float* to, const void* row, int n)
FERRUM_LOW_RANK(f32);
FERRUM_LOW_RANK(f16);
FERRUM_LOW_RANK(bf16);
#undef FERRUM_LOW_RANK

// activations.cpp
#define FERRUM_ACTIVATION(name)                                                                            \
  void gate_##name(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& constants); \
  void apply_##name(const SumRows& to, PanelSums sums, const ActivationConstants& constants)
FERRUM_ACTIVATION(silu);
FERRUM_ACTIVATION(gelu);
FERRUM_ACTIVATION(gelu_tanh);
FERRUM_ACTIVATION(relu_squared);
FERRUM_ACTIVATION(xielu);
FERRUM_ACTIVATION(scaled_silu);
#undef FERRUM_ACTIVATION
void gate_clamped_silu(const SumRows& to, PanelSums gate, PanelSums up, const ActivationConstants& constants);

// quantize.cpp
void quantize(const float* x, int n, InputSpan* spans, int64_t stride);

// attention_rows.cpp
void add_state(const AttentionState& to, const AttentionState& from, int row, int padded);

// attention.cpp
void attend_f32(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                const AttentionState& state);
void attend_f16(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                const AttentionState& state);
void attend_bf16(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
                 const AttentionState& state);
void attend_i8(const AttentionTile& tile, int partition, const AttentionScratch& scratch,
               const AttentionState& state);

// The panels of one format: pack.cpp, pack_coded.cpp, multiply_*.cpp.
#define FERRUM_PACK(name) void pack_##name(const uint8_t* const* rows, int cols, uint8_t* panel);
#define FERRUM_PANELS(name)                    \
  void multiply_##name(const PanelTask& task); \
  void expand_##name(const uint8_t* panel, int cols, float* out);
#define FERRUM_INTEGER_PANELS(member, name, Source)                   \
  FERRUM_PANELS(name)                                                 \
  void unpack_##name(const uint8_t* panel, int cols, uint8_t* spans); \
  void multiply_unpacked_##name(const PanelTask& task);
#define FERRUM_INTEGER_PACK(member, name, Source) FERRUM_PACK(name)
#define FERRUM_CODED_PACK(member, name, Block, bits) FERRUM_PACK(name)
FERRUM_PACK(f32)
FERRUM_PACK(f16)
FERRUM_PACK(bf16)
FERRUM_INTEGER_FORMATS(FERRUM_INTEGER_PACK)
FERRUM_CODED_FORMATS(FERRUM_CODED_PACK)
FERRUM_PANELS(f32)
FERRUM_PANELS(f16)
FERRUM_PANELS(bf16)
FERRUM_INTEGER_FORMATS(FERRUM_INTEGER_PANELS)
FERRUM_CODED_PANELS(FERRUM_INTEGER_PANELS)
#undef FERRUM_PACK
#undef FERRUM_INTEGER_PACK
#undef FERRUM_CODED_PACK
#undef FERRUM_PANELS
#undef FERRUM_INTEGER_PANELS

// multiply_pairs.cpp
void multiply_pairs(const PanelTask& task);

// peak.cpp
uint64_t peak_read(const uint8_t* data, size_t bytes, size_t ahead);
int64_t peak_dot_int8(int64_t rounds);
int64_t peak_multiply_add_f32(int64_t rounds);
int64_t peak_dot_bf16(int64_t rounds);  // only in sets that have it

}  // namespace ferrum::cpu::FERRUM_ISA
