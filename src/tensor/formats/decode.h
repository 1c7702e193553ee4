// Scalar decoders, one file each: the definition of every format, written for readability. Each decodes
// `count` values (a whole number of blocks) to float32.
#pragma once
#include <cstddef>

namespace ferrum::formats {

void decode_f32(const std::byte* data, float* out, size_t count);
void decode_f16(const std::byte* data, float* out, size_t count);
void decode_bf16(const std::byte* data, float* out, size_t count);
void decode_q4_0(const std::byte* blocks, float* out, size_t count);
void decode_q4_1(const std::byte* blocks, float* out, size_t count);
void decode_q5_0(const std::byte* blocks, float* out, size_t count);
void decode_q5_1(const std::byte* blocks, float* out, size_t count);
void decode_q8_0(const std::byte* blocks, float* out, size_t count);
void decode_q2_k(const std::byte* blocks, float* out, size_t count);
void decode_q3_k(const std::byte* blocks, float* out, size_t count);
void decode_q4_k(const std::byte* blocks, float* out, size_t count);
void decode_q5_k(const std::byte* blocks, float* out, size_t count);
void decode_q6_k(const std::byte* blocks, float* out, size_t count);
void decode_iq4_nl(const std::byte* blocks, float* out, size_t count);
void decode_iq4_xs(const std::byte* blocks, float* out, size_t count);
void decode_mxfp4(const std::byte* blocks, float* out, size_t count);
void decode_g4_32(const std::byte* blocks, float* out, size_t count);
void decode_g4_64(const std::byte* blocks, float* out, size_t count);
void decode_g4_128(const std::byte* blocks, float* out, size_t count);

}  // namespace ferrum::formats
