// What the files of one instruction set give to its table.
#pragma once
#include "backend/cpu/kernels.h"

#ifndef FERRUM_ISA
#error "kernels are compiled with FERRUM_ISA naming their namespace: see src/backend/floor.cmake"
#endif

namespace ferrum::cpu::FERRUM_ISA {

// Formats whose quants need all 256 values. AVX2's multiplication of bytes saturates unless one of them stays
// below 128, so it takes such quants as signed bytes and multiplies magnitudes; the others shift them by 128.
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
constexpr bool kWideQuantsAreSigned = true;
#else
constexpr bool kWideQuantsAreSigned = false;
#endif

// rows.cpp
void rms_norm(float* out, const float* x, const float* weight, int n, float eps);
void add(float* to, const float* x, int n);
void add_scaled(float* to, const float* x, float scale, int n);
void silu_multiply(float* out, const float* gate, const float* up, int n);
float sum_of_exp(const float* x, int n, float highest);
void quantize(const float* x, int n, const QuantizedRows& rows, int64_t row);
void prepare_head(const HeadTask& task);
void convert_f32(void* out, const float* x, int n);
void convert_f16(void* out, const float* x, int n);
void convert_bf16(void* out, const float* x, int n);

// unpack_simple.cpp: blocks of 32
void unpack_q4_0(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q4_1(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q5_0(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q5_1(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q8_0(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_iq4_nl(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_mxfp4(const uint8_t* row, int cols, const UnpackedRow& out);

// unpack_super.cpp: blocks of 256
void unpack_q2_k(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q3_k(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q4_k(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q5_k(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_q6_k(const uint8_t* row, int cols, const UnpackedRow& out);
void unpack_iq4_xs(const uint8_t* row, int cols, const UnpackedRow& out);

// multiply_int8.cpp, and how the formats of wide quants differ
void multiply_int8(const Int8Tile& tile, const Batch& batch);
void multiply_int8_wide(const Int8Tile& tile, const Batch& batch);
void expand(const UnpackedRow& row, int cols, float* out);
void expand_wide(const UnpackedRow& row, int cols, float* out);

// multiply_float.cpp
void multiply_f32(const FloatTile& tile, const Batch& batch);
void multiply_f16(const FloatTile& tile, const Batch& batch);
void multiply_bf16(const FloatTile& tile, const Batch& batch);

// attention.cpp
void attend_f32(const AttentionTask& task);
void attend_f16(const AttentionTask& task);
void attend_bf16(const AttentionTask& task);

}  // namespace ferrum::cpu::FERRUM_ISA
