// Every format's decode against a second statement of the format: value i of a block as a formula over bit
// positions, in double precision, rounded once.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tensor/format.h"
#include "tensor/formats/grids.h"
#include "tensor/host_tensor.h"

namespace ferrum {
namespace {

// A block as one string of bits, bit 0 the lowest of the first byte.
struct Bits {
  const std::byte* block;

  int unsigned_at(int position, int width) const {
    int value = 0;
    for (int i = 0; i < width; ++i) {
      const int bit = position + i;
      value |= (std::to_integer<int>(block[bit / 8]) >> (bit % 8) & 1) << i;
    }
    return value;
  }
  int signed_byte_at(int position) const {
    const int value = unsigned_at(position, 8);
    return value < 128 ? value : value - 256;
  }
  double half_at(int position) const {
    const double sign = unsigned_at(position + 15, 1) ? -1 : 1;
    const int exponent = unsigned_at(position + 10, 5);
    const int mantissa = unsigned_at(position, 10);
    if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
    return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
  }
};

constexpr int kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Where the four bits of value i lie, from the start of 16 bytes that hold 32 values.
int nibble(int i) { return i % 16 * 8 + i / 16 * 4; }

double k_scale(Bits b, int at, int s) {
  return s < 4 ? b.unsigned_at(at + 8 * s, 6)
               : b.unsigned_at(at + 64 + 8 * (s - 4), 4) + 16 * b.unsigned_at(at + 8 * (s - 4) + 6, 2);
}
double k_min(Bits b, int at, int s) {
  return s < 4
             ? b.unsigned_at(at + 32 + 8 * s, 6)
             : b.unsigned_at(at + 64 + 8 * (s - 4) + 4, 4) + 16 * b.unsigned_at(at + 32 + 8 * (s - 4) + 6, 2);
}

// Sign i of eight, of which seven bits from `at` on are stored.
int sign_of_seven(Bits b, int at, int i) {
  if (i < 7) return b.unsigned_at(at + i, 1) ? -1 : 1;
  int minuses = 0;
  for (int k = 0; k < 7; ++k) minuses += b.unsigned_at(at + k, 1);
  return minuses % 2 ? -1 : 1;
}

constexpr int kIq2[3] = {8, 25, 43};
constexpr int kIq3Xxs[8] = {4, 12, 20, 28, 36, 44, 52, 62};

// The IQ1, IQ2, IQ3 and TQ formats.
double expected_of_coded(Format format, Bits b, int i) {
  const int part = i / 32, point = i / 8, in_part = point % 4, four = i / 4;
  switch (format) {
    case Format::kIQ1_S: {
      const int high = 272 + 16 * part;
      const auto& x = formats::kIq1Grid[static_cast<size_t>(b.unsigned_at(16 + 8 * point, 8) +
                                                            256 * b.unsigned_at(high + 3 * in_part, 3))];
      const double delta = b.unsigned_at(high + 15, 1) ? -0.125 : 0.125;
      return b.half_at(0) * (2 * b.unsigned_at(high + 12, 3) + 1) *
             (x[static_cast<size_t>(i % 8)] - 1 + delta);
    }
    case Format::kIQ1_M: {
      const int high = 256 + 4 * point, scales = 384;
      const auto& x =
          formats::kIq1Grid[static_cast<size_t>(b.unsigned_at(8 * point, 8) + 256 * b.unsigned_at(high, 3))];
      const double delta = b.unsigned_at(high + 3, 1) ? -0.125 : 0.125;
      std::byte d[2] = {};
      for (int w = 0; w < 4; ++w)
        d[w / 2] |= static_cast<std::byte>(b.unsigned_at(scales + 16 * w + 12, 4) << (w % 2 * 4));
      const int scale = 2 * b.unsigned_at(scales + i / 64 * 16 + i / 16 % 4 * 3, 3) + 1;
      return Bits{d}.half_at(0) * scale * (x[static_cast<size_t>(i % 8)] - 1 + delta);
    }
    case Format::kIQ2_XXS: {
      const int at = 16 + 64 * part;
      const auto& x = formats::kIq2XxsGrid[static_cast<size_t>(b.unsigned_at(at + 8 * in_part, 8))];
      return b.half_at(0) / 8 * (2 * b.unsigned_at(at + 60, 4) + 1) * kIq2[x[static_cast<size_t>(i % 8)]] *
             sign_of_seven(b, at + 32 + 7 * in_part, i % 8);
    }
    case Format::kIQ2_XS: {
      const int at = 16 + 16 * point;
      const auto& x = formats::kIq2XsGrid[static_cast<size_t>(b.unsigned_at(at, 9))];
      return b.half_at(0) / 8 * (2 * b.unsigned_at(528 + i / 16 * 4, 4) + 1) *
             kIq2[x[static_cast<size_t>(i % 8)]] * sign_of_seven(b, at + 9, i % 8);
    }
    case Format::kIQ2_S: {
      const auto& x = formats::kIq2SGrid[static_cast<size_t>(b.unsigned_at(16 + 8 * point, 8) +
                                                             256 * b.unsigned_at(528 + 2 * point, 2))];
      return b.half_at(0) / 8 * (2 * b.unsigned_at(592 + i / 16 * 4, 4) + 1) *
             kIq2[x[static_cast<size_t>(i % 8)]] * (b.unsigned_at(272 + i, 1) ? -1 : 1);
    }
    case Format::kIQ3_XXS: {
      const int signs = 528 + 32 * part;
      const auto& x = formats::kIq3XxsGrid[static_cast<size_t>(b.unsigned_at(16 + 8 * four, 8))];
      return b.half_at(0) / 4 * (2 * b.unsigned_at(signs + 28, 4) + 1) *
             kIq3Xxs[x[static_cast<size_t>(i % 4)]] * sign_of_seven(b, signs + 7 * in_part, i % 8);
    }
    case Format::kIQ3_S: {
      const auto& x = formats::kIq3SGrid[static_cast<size_t>(b.unsigned_at(16 + 8 * four, 8) +
                                                             256 * b.unsigned_at(528 + four, 1))];
      return b.half_at(0) * (2 * b.unsigned_at(848 + 4 * part, 4) + 1) *
             (2 * x[static_cast<size_t>(i % 4)] + 1) * (b.unsigned_at(592 + i, 1) ? -1 : 1);
    }
    case Format::kTQ1_0: {
      const int byte = i < 160 ? i % 32 : i < 240 ? 32 + i % 16 : 48 + i % 4;
      const int digit = i < 160 ? i / 32 : i < 240 ? (i - 160) / 16 : (i - 240) / 4;
      const int shifted = b.unsigned_at(8 * byte, 8) * static_cast<int>(std::pow(3, digit)) % 256;
      return b.half_at(416) * (shifted * 3 / 256 - 1);
    }
    case Format::kTQ2_0:
      return b.half_at(512) * (b.unsigned_at((i / 128 * 32 + i % 32) * 8 + i % 128 / 32 * 2, 2) - 1);
    default:
      return NAN;
  }
}

double expected(Format format, Bits b, int i) {
  switch (format) {
    case Format::kF32:
      return std::bit_cast<float>(b.unsigned_at(0, 32));
    case Format::kF16:
      return b.half_at(0);
    case Format::kBF16:
      return std::bit_cast<float>(b.unsigned_at(0, 16) << 16);
    case Format::kQ4_0:
      return b.half_at(0) * (b.unsigned_at(16 + nibble(i), 4) - 8);
    case Format::kQ4_1:
      return b.half_at(0) * b.unsigned_at(32 + nibble(i), 4) + b.half_at(16);
    case Format::kQ5_0:
      return b.half_at(0) * (b.unsigned_at(48 + nibble(i), 4) + 16 * b.unsigned_at(16 + i, 1) - 16);
    case Format::kQ5_1:
      return b.half_at(0) * (b.unsigned_at(64 + nibble(i), 4) + 16 * b.unsigned_at(32 + i, 1)) +
             b.half_at(16);
    case Format::kQ8_0:
      return b.half_at(0) * b.signed_byte_at(16 + 8 * i);
    case Format::kQ2_K: {
      const int q = b.unsigned_at(128 + (i / 128 * 32 + i % 32) * 8 + i % 128 / 32 * 2, 2);
      return b.half_at(640) * b.unsigned_at(i / 16 * 8, 4) * q -
             b.half_at(656) * b.unsigned_at(i / 16 * 8 + 4, 4);
    }
    case Format::kQ3_K: {
      const int s = i / 16;
      const int low = b.unsigned_at(256 + (i / 128 * 32 + i % 32) * 8 + i % 128 / 32 * 2, 2);
      const int q = low - (b.unsigned_at(i % 32 * 8 + i / 32, 1) ? 0 : 4);
      const int scale = b.unsigned_at(768 + s % 8 * 8 + s / 8 * 4, 4) +
                        16 * b.unsigned_at(768 + 64 + s % 4 * 8 + s / 4 * 2, 2) - 32;
      return b.half_at(864) * scale * q;
    }
    case Format::kQ4_K: {
      const int s = i / 32;
      const int q = b.unsigned_at(128 + (i / 64 * 32 + i % 32) * 8 + s % 2 * 4, 4);
      return b.half_at(0) * k_scale(b, 32, s) * q - b.half_at(16) * k_min(b, 32, s);
    }
    case Format::kQ5_K: {
      const int s = i / 32;
      const int q = b.unsigned_at(384 + (i / 64 * 32 + i % 32) * 8 + s % 2 * 4, 4) +
                    16 * b.unsigned_at(128 + i % 32 * 8 + s, 1);
      return b.half_at(0) * k_scale(b, 32, s) * q - b.half_at(16) * k_min(b, 32, s);
    }
    case Format::kQ6_K: {
      const int low = b.unsigned_at((i / 128 * 64 + i % 64) * 8 + i % 128 / 64 * 4, 4);
      const int high = b.unsigned_at(1024 + (i / 128 * 32 + i % 32) * 8 + i % 128 / 32 * 2, 2);
      return b.half_at(1664) * b.signed_byte_at(1536 + i / 16 * 8) * (low + 16 * high - 32);
    }
    case Format::kIQ4_NL:
      return b.half_at(0) * kIq4[b.unsigned_at(16 + nibble(i), 4)];
    case Format::kIQ4_XS: {
      const int s = i / 32;
      const int scale = b.unsigned_at(32 + 4 * s, 4) + 16 * b.unsigned_at(16 + 2 * s, 2) - 32;
      return b.half_at(0) * scale * kIq4[b.unsigned_at(64 + 128 * s + nibble(i % 32), 4)];
    }
    case Format::kMXFP4: {
      const int q = b.unsigned_at(8 + nibble(i), 4);
      const int exponent = q / 2 % 4;
      const double magnitude = exponent ? std::ldexp(1 + q % 2 * 0.5, exponent - 1) : q % 2 * 0.5;
      return std::ldexp(q >= 8 && q != 8 ? -magnitude : magnitude, b.unsigned_at(0, 8) - 127);
    }
    case Format::kG4_32:
    case Format::kG4_64:
    case Format::kG4_128:
      return b.half_at(0) * (b.unsigned_at(24 + i / 32 * 128 + nibble(i % 32), 4) - b.unsigned_at(16, 8));
    default:
      return expected_of_coded(format, b, i);
  }
}

// Where a block has its 16-bit floats, in bytes.
std::vector<int> half_offsets(Format format) {
  switch (format) {
    case Format::kQ4_1:
    case Format::kQ5_1:
    case Format::kQ4_K:
    case Format::kQ5_K:
      return {0, 2};
    case Format::kQ2_K:
      return {80, 82};
    case Format::kQ3_K:
      return {108};
    case Format::kQ6_K:
      return {208};
    case Format::kTQ1_0:
      return {52};
    case Format::kTQ2_0:
      return {64};
    case Format::kF32:
    case Format::kMXFP4:
    case Format::kIQ1_M:  // in four pieces
      return {};
    default:
      return {0};
  }
}

class Decode : public testing::TestWithParam<int> {
 protected:
  Format format() const { return static_cast<Format>(GetParam()); }

  void expect_agreement(const std::vector<std::byte>& blocks) const {
    const FormatTraits& t = traits(format());
    const size_t count = blocks.size() / t.block_bytes * t.block_values;
    std::vector<float> got(count);
    t.decode(blocks.data(), got.data(), count);
    for (size_t i = 0; i < count; ++i) {
      const Bits block{blocks.data() + i / t.block_values * t.block_bytes};
      const auto want = static_cast<float>(expected(format(), block, static_cast<int>(i % t.block_values)));
      if (std::isnan(want)) {
        ASSERT_TRUE(std::isnan(got[i])) << "value " << i;
      } else {
        ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want))
            << "value " << i << ": " << got[i];
      }
    }
  }

  std::vector<std::byte> random_blocks(int count, uint32_t seed) const {
    std::mt19937 random(seed);
    std::vector<std::byte> blocks(static_cast<size_t>(count) * traits(format()).block_bytes);
    for (std::byte& b : blocks) b = static_cast<std::byte>(random());
    return blocks;
  }
};

TEST_P(Decode, RandomBlocks) {
  expect_agreement(random_blocks(traits(format()).block_values == 256 ? 4000 : 16000, 1));
}

TEST_P(Decode, ExtremeScales) {
  // ±0, subnormals, the smallest normal, 1, the largest, infinities, NaNs
  const std::vector<uint16_t> extremes = {0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x3C00, 0xBC00,
                                          0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7C01, 0x7E00, 0xFFFF};
  const std::vector<int> offsets = half_offsets(format());
  const size_t stride = traits(format()).block_bytes;
  for (const uint16_t first : extremes) {
    auto blocks = random_blocks(static_cast<int>(extremes.size()), first);
    for (size_t i = 0; i < extremes.size(); ++i) {
      for (const int offset : offsets) {
        const uint16_t half = offset == offsets.front() ? first : extremes[i];
        blocks[i * stride + offset] = static_cast<std::byte>(half & 255);
        blocks[i * stride + offset + 1] = static_cast<std::byte>(half >> 8);
      }
    }
    expect_agreement(blocks);
  }
}

TEST_P(Decode, UniformBytes) {  // all fields at 0, at their largest, and at one bit each
  std::vector<std::byte> blocks;
  for (const int byte : {0x00, 0xFF, 0x0F, 0xF0, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80})
    blocks.insert(blocks.end(), traits(format()).block_bytes, static_cast<std::byte>(byte));
  expect_agreement(blocks);
}

TEST_P(Decode, UnalignedBlocks) {
  const auto blocks = random_blocks(8, 3);
  const FormatTraits& t = traits(format());
  const size_t count = static_cast<size_t>(8) * t.block_values;
  std::vector<std::byte> shifted(blocks.size() + 1);
  std::copy(blocks.begin(), blocks.end(), shifted.begin() + 1);
  std::vector<float> aligned(count), unaligned(count);
  t.decode(blocks.data(), aligned.data(), count);
  t.decode(shifted.data() + 1, unaligned.data(), count);
  for (size_t i = 0; i < count; ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(aligned[i]), std::bit_cast<uint32_t>(unaligned[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(Formats, Decode, testing::Range(0, kFormatCount), [](const auto& info) {
  return std::string(name_of(static_cast<Format>(info.param)));
});

TEST(Mxfp4, EveryExponent) {
  for (int exponent = 0; exponent < 256; ++exponent) {
    std::vector<std::byte> block(17, static_cast<std::byte>(0x12));  // values 1 and 0.5
    block[0] = static_cast<std::byte>(exponent);
    std::vector<float> out(32);
    traits(Format::kMXFP4).decode(block.data(), out.data(), 32);
    EXPECT_EQ(out[0], static_cast<float>(std::ldexp(1.0, exponent - 127))) << exponent;
    EXPECT_EQ(out[31], static_cast<float>(std::ldexp(0.5, exponent - 127))) << exponent;
  }
}

TEST(Format, NamesAndSizes) {
  for (int i = 0; i < kFormatCount; ++i) {
    const auto format = static_cast<Format>(i);
    EXPECT_EQ(traits(format).format, format);
    EXPECT_EQ(format_named(name_of(format)), format);
  }
  EXPECT_EQ(format_named("q4_k"), Format::kQ4_K);
  EXPECT_FALSE(format_named("Q4"));
  EXPECT_EQ(row_bytes(Format::kQ4_K, 4096), 2304u);
  EXPECT_EQ(row_bytes(Format::kMXFP4, 64), 34u);
  EXPECT_EQ(row_bytes(Format::kG4_128, 256), 134u);
}

}  // namespace
}  // namespace ferrum
