#include "tensor/formats/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "tensor/formats/blocks.h"
#include "tensor/half.h"

namespace ferrum::formats {
namespace {

// 1 / scale, or 0 where that overflows, since such a scale rounds to zero in binary16.
float inverse_of(float scale) {
  const float inverse = 1.0f / scale;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

// The value is not negative, and a half has been added, so truncation rounds to nearest.
int cut_off(float q_and_half, int largest) {
  return q_and_half < static_cast<float>(largest) ? static_cast<int>(q_and_half) : largest;
}

struct Range {
  float smallest, largest;
};
Range range_of(const float* x) {
  const auto [low, high] = std::minmax_element(x, x + kSmallBlock);
  return {*low, *high};
}

// The value with the largest magnitude, with its sign; the first of equals.
float extreme_of(const float* x) {
  float extreme = 0;
  for (int i = 0; i < kSmallBlock; ++i)
    if (std::abs(x[i]) > std::abs(extreme)) extreme = x[i];
  return extreme;
}

// The 32 q of one block: `kLevels` steps of `scale`, from `offset` below zero (symmetric formats put the
// extreme on the lowest step) or from the smallest value.
template <int kLevels>
void quantise_symmetric(const float* x, float scale, int (&q)[kSmallBlock]) {
  constexpr float kMiddle = 0.5f * kLevels + 0.5f;  // the level of zero, and a half to round
  const float inverse = inverse_of(scale);
  for (int i = 0; i < kSmallBlock; ++i) q[i] = cut_off(x[i] * inverse + kMiddle, kLevels - 1);
}
template <int kLevels>
void quantise_range(const float* x, float smallest, float scale, int (&q)[kSmallBlock]) {
  const float inverse = inverse_of(scale);
  for (int i = 0; i < kSmallBlock; ++i) q[i] = cut_off((x[i] - smallest) * inverse + 0.5f, kLevels - 1);
}

template <class Block>
void store_nibbles(const int (&q)[kSmallBlock], Block& block) {
  for (int j = 0; j < 16; ++j) block.quants[j] = static_cast<uint8_t>((q[j] & 15) | (q[j + 16] & 15) << 4);
}
uint32_t fifth_bits(const int (&q)[kSmallBlock]) {
  uint32_t bits = 0;
  for (int i = 0; i < kSmallBlock; ++i) bits |= static_cast<uint32_t>(q[i] >> 4) << i;
  return bits;
}

void encode_block(const float* x, BlockQ8_0& block) {
  const float scale = std::abs(extreme_of(x)) / 127;
  const float inverse = inverse_of(scale);
  block.d = f16_from_float(scale);
  for (int i = 0; i < kSmallBlock; ++i) block.quants[i] = static_cast<int8_t>(std::round(x[i] * inverse));
}
void encode_block(const float* x, BlockQ4_0& block) {
  int q[kSmallBlock];
  const float scale = extreme_of(x) / -8;
  quantise_symmetric<16>(x, scale, q);
  block.d = f16_from_float(scale);
  store_nibbles(q, block);
}
void encode_block(const float* x, BlockQ5_0& block) {
  int q[kSmallBlock];
  const float scale = extreme_of(x) / -16;
  quantise_symmetric<32>(x, scale, q);
  block.d = f16_from_float(scale);
  block.high_bits = fifth_bits(q);
  store_nibbles(q, block);
}
void encode_block(const float* x, BlockQ4_1& block) {
  int q[kSmallBlock];
  const auto [smallest, largest] = range_of(x);
  const float scale = (largest - smallest) / 15;
  quantise_range<16>(x, smallest, scale, q);
  block.d = f16_from_float(scale);
  block.m = f16_from_float(smallest);
  store_nibbles(q, block);
}
void encode_block(const float* x, BlockQ5_1& block) {
  int q[kSmallBlock];
  const auto [smallest, largest] = range_of(x);
  const float scale = (largest - smallest) / 31;
  quantise_range<32>(x, smallest, scale, q);
  block.d = f16_from_float(scale);
  block.m = f16_from_float(smallest);
  block.high_bits = fifth_bits(q);
  store_nibbles(q, block);
}

template <class Block>
void encode_blocks(std::span<const float> values, std::byte* out) {
  for (size_t i = 0; i < values.size(); i += kSmallBlock) {
    Block block;
    encode_block(values.data() + i, block);
    std::memcpy(out, &block, sizeof block);
    out += sizeof block;
  }
}

template <class Convert>
void encode_halves(std::span<const float> values, std::byte* out, Convert convert) {
  for (const float value : values) {
    const uint16_t bits = convert(value);
    std::memcpy(out, &bits, 2);
    out += 2;
  }
}

}  // namespace

bool can_encode(Format format) {
  switch (format) {
    case Format::kF32:
    case Format::kF16:
    case Format::kBF16:
    case Format::kQ8_0:
    case Format::kQ4_0:
    case Format::kQ4_1:
    case Format::kQ5_0:
    case Format::kQ5_1:
      return true;
    default:
      return false;
  }
}

void encode(Format format, std::span<const float> values, std::byte* out) {
  check_equal(values.size() % traits(format).block_values, size_t{0}, "a whole number of blocks");
  switch (format) {
    case Format::kF32:
      std::memcpy(out, values.data(), values.size_bytes());
      break;
    case Format::kF16:
      encode_halves(values, out, f16_from_float);
      break;
    case Format::kBF16:
      encode_halves(values, out, bf16_from_float);
      break;
    case Format::kQ8_0:
      encode_blocks<BlockQ8_0>(values, out);
      break;
    case Format::kQ4_0:
      encode_blocks<BlockQ4_0>(values, out);
      break;
    case Format::kQ4_1:
      encode_blocks<BlockQ4_1>(values, out);
      break;
    case Format::kQ5_0:
      encode_blocks<BlockQ5_0>(values, out);
      break;
    case Format::kQ5_1:
      encode_blocks<BlockQ5_1>(values, out);
      break;
    default:
      check(false, "no encoder for this format");
  }
}

}  // namespace ferrum::formats
