#include "tensor/formats/random_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "tensor/formats/blocks.h"
#include "tensor/formats/coded.h"
#include "tensor/formats/grids.h"
#include "tensor/half.h"

namespace ferrum::formats {
namespace {

// Moments of an integer that is uniformly distributed over [low, high].
struct Uniform {
  double low, high;
  double mean() const { return (low + high) / 2; }
  double variance() const { return ((high - low + 1) * (high - low + 1) - 1) / 12; }
  double mean_square() const { return variance() + mean() * mean(); }
};

template <size_t kCount>
double mean_square(const std::array<int8_t, kCount>& values) {
  double sum = 0;
  for (size_t i = 0; i < kCount; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum / kCount;
}

// Statistics of a block with random bits and d = 1: the root mean square of its values. In formats with
// minima, min_per_d × d is the minimum's scale, which makes the mean zero.
struct Unit {
  double deviation = 0;
  double min_per_d = 0;  // 0: the format has no minimum, and random signs of d make the mean zero
};

// scale × q − min_per_d × minimum, with scale and minimum of the same distribution: min_per_d = mean of q.
Unit with_minimum(Uniform scale, Uniform q) {
  return {std::sqrt(scale.mean_square() * q.variance() + 2 * q.mean() * q.mean() * scale.variance()),
          q.mean()};
}

constexpr Uniform kSixBits = {-32, 31};

// Of scale × number, with points of a grid that are equally frequent, and scales 2 s + 1 of s = 0 … most.
template <size_t kPoints, size_t kNumbers>
Unit of_grid(const Grid<kPoints, kNumbers>& grid, const CodeTable& table, double most) {
  double sum = 0;
  for (const auto& point : grid)
    for (const uint8_t code : point) sum += static_cast<double>(table.numbers[code]) * table.numbers[code];
  const double scale = 4 * Uniform{0.5, most + 0.5}.mean_square();
  return {table.unit * std::sqrt(scale * sum / (kPoints * kNumbers))};
}

// Of x ± 1/8: the mean of the squares with the one sign is not that with the other.
Unit of_iq1_grid() {
  double sum = 0;
  for (const auto& point : kIq1Grid)
    for (const uint8_t x : point)
      for (const int sign : {0, 4}) sum += std::pow(kIq1Codes.numbers[x + sign], 2) / 2;
  const double scale = 4 * Uniform{0.5, 7.5}.mean_square();
  return {kIq1Codes.unit * std::sqrt(scale * sum / (2048 * 8))};
}

Unit unit_of(Format format) {
  switch (format) {
    case Format::kQ4_0:
      return {std::sqrt(Uniform{-8, 7}.mean_square())};
    case Format::kQ4_1:
      return {std::sqrt(Uniform{0, 15}.variance()), -7.5};
    case Format::kQ5_0:
      return {std::sqrt(Uniform{-16, 15}.mean_square())};
    case Format::kQ5_1:
      return {std::sqrt(Uniform{0, 31}.variance()), -15.5};
    case Format::kQ8_0:
      return {std::sqrt((255 * Uniform{-127, 127}.variance() + 127 * 127) / 256)};
    case Format::kQ2_K:
      return with_minimum({8, 15}, {0, 3});
    case Format::kQ3_K:
      return {std::sqrt(kSixBits.mean_square() * Uniform{-4, 3}.mean_square())};
    case Format::kQ4_K:
      return with_minimum({32, 63}, {0, 15});
    case Format::kQ5_K:
      return with_minimum({32, 63}, {0, 31});
    case Format::kQ6_K:
      return {std::sqrt(Uniform{-128, 127}.mean_square() * kSixBits.mean_square())};
    case Format::kIQ4_NL:
      return {std::sqrt(mean_square(kIq4Values))};
    case Format::kIQ4_XS:
      return {std::sqrt(kSixBits.mean_square() * mean_square(kIq4Values))};
    case Format::kMXFP4:
      return {std::sqrt(mean_square(kMxfp4DoubledValues)) / 2};
    case Format::kIQ1_S:
    case Format::kIQ1_M:
      return of_iq1_grid();
    case Format::kIQ2_XXS:
      return of_grid(kIq2XxsGrid, kIq2Codes, 15);
    case Format::kIQ2_XS:
      return of_grid(kIq2XsGrid, kIq2Codes, 15);
    case Format::kIQ2_S:
      return of_grid(kIq2SGrid, kIq2Codes, 15);
    case Format::kIQ3_XXS:
      return of_grid(kIq3XxsGrid, kIq3XxsCodes, 15);
    case Format::kIQ3_S:
      return of_grid(kIq3SGrid, kIq3SCodes, 15);
    case Format::kTQ1_0:
      return {std::sqrt(Uniform{-1, 1}.mean_square())};
    case Format::kTQ2_0:
      return {std::sqrt(Uniform{-1, 2}.mean_square())};
    case Format::kG4_32:
    case Format::kG4_64:
    case Format::kG4_128:  // quants and zeros have the same distribution
      return {std::sqrt(2 * Uniform{0, 15}.variance())};
    case Format::kF32:
    case Format::kF16:
    case Format::kBF16:
      break;
  }
  return {1};
}

uint64_t hash_of(std::string_view text) {  // FNV-1a
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return hash;
}

// Floats are uniform over ±√3 deviations.
template <class Store, class Convert>
void fill_floats(std::span<std::byte> out, uint64_t key, uint64_t first, float deviation, Convert convert) {
  const float step = deviation * std::sqrt(3.0f) * 0x1p-31f;
  const size_t count = out.size() / sizeof(Store);
  for (size_t i = 0; i < count; ++i) {
    const auto bits = static_cast<int32_t>(random_bits(key, first + i) >> 32);
    const Store value = convert(static_cast<float>(bits) * step);
    std::memcpy(out.data() + i * sizeof(Store), &value, sizeof value);
  }
}

// Fills each block with random bits, then calls `finish(block, scale)`; scale is one of 256.
template <class Block, class Finish>
void fill_blocks(std::span<std::byte> out, uint64_t key, uint64_t first, Finish finish) {
  constexpr uint64_t kWords = (sizeof(Block) + 7) / 8;
  for (size_t at = 0; at < out.size(); at += sizeof(Block), ++first) {
    uint64_t words[kWords];
    for (uint64_t w = 0; w < kWords; ++w) words[w] = random_bits(key, first * (kWords + 1) + w);
    Block block;
    std::memcpy(&block, words, sizeof block);
    finish(block, static_cast<uint8_t>(random_bits(key, first * (kWords + 1) + kWords)));
    std::memcpy(out.data() + at, &block, sizeof block);
  }
}

void raise_scales(uint8_t (&packed)[12]) {  // maps six-bit scales and minima to 32 … 63
  for (int i = 0; i < 8; ++i) packed[i] |= 0xA0;
}

}  // namespace

RandomBlocks::RandomBlocks(Format format, float deviation, const Key& key)
    : format_(format), deviation_(deviation), key_(mix_bits(key.seed) ^ hash_of(key.tensor)) {
  check(deviation >= 1e-4f && deviation <= 100.0f, "a deviation that binary16 scales can express");
  const Unit unit = unit_of(format);
  if (format == Format::kMXFP4)
    make_exponents(unit.deviation);
  else if (!is_float(format))
    make_scales(unit.deviation, unit.min_per_d);
}

// Scales from 3/4 to 5/4 of the mean. Without minima the signs alternate, which makes the mean zero.
void RandomBlocks::make_scales(double unit_deviation, double min_per_d) {
  const double spread_square = 1 + 0.25 * 0.25 / 3;  // mean square of the factors below
  const double middle = deviation_ / unit_deviation / std::sqrt(spread_square);
  for (size_t i = 0; i < scales_.size(); ++i) {
    const size_t step = i / 2;
    const double factor = 0.75 + 0.5 * (static_cast<double>(step) + 0.5) / 128;
    const double sign = min_per_d == 0 && i % 2 ? -1 : 1;
    scales_[i].d = f16_from_float(static_cast<float>(sign * middle * factor));
    scales_[i].min = f16_from_float(static_cast<float>(min_per_d * float_from_f16(scales_[i].d)));
  }
}

// Two neighbouring powers of two, mixed so that they give the deviation.
void RandomBlocks::make_exponents(double unit_deviation) {
  const double scale = deviation_ / unit_deviation;
  const double lower = std::floor(std::log2(scale));
  const double share_of_upper = (scale * scale / std::exp2(2 * lower) - 1) / 3;
  for (size_t i = 0; i < scales_.size(); ++i) {
    const bool upper = static_cast<double>(i) + 0.5 < share_of_upper * 256;
    scales_[i].d = static_cast<uint16_t>(127 + static_cast<int>(lower) + (upper ? 1 : 0));
  }
}

void RandomBlocks::fill(std::span<std::byte> out, uint64_t first) const {
  check_equal(out.size() % traits(format_).block_bytes, size_t{0}, "a whole number of blocks");
  const auto set_d = [this](auto& block, uint8_t draw) { block.d = scales_[draw].d; };
  const auto set_group = [this](auto& block, uint8_t draw) {
    block.d = scales_[draw].d;
    block.zero &= 15;
  };
  switch (format_) {
    case Format::kF32:
      return fill_floats<float>(out, key_, first, deviation_, [](float v) { return v; });
    case Format::kF16:
      return fill_floats<uint16_t>(out, key_, first, deviation_, f16_from_float);
    case Format::kBF16:
      return fill_floats<uint16_t>(out, key_, first, deviation_, bf16_from_float);
    case Format::kQ4_0:
      return fill_blocks<BlockQ4_0>(out, key_, first, set_d);
    case Format::kQ5_0:
      return fill_blocks<BlockQ5_0>(out, key_, first, set_d);
    case Format::kQ3_K:
      return fill_blocks<BlockQ3_K>(out, key_, first, set_d);
    case Format::kQ6_K:
      return fill_blocks<BlockQ6_K>(out, key_, first, set_d);
    case Format::kIQ4_NL:
      return fill_blocks<BlockIQ4_NL>(out, key_, first, set_d);
    case Format::kIQ4_XS:
      return fill_blocks<BlockIQ4_XS>(out, key_, first, set_d);
    case Format::kIQ1_S:
      return fill_blocks<BlockIQ1_S>(out, key_, first, set_d);
    case Format::kIQ1_M:
      return fill_blocks<BlockIQ1_M>(out, key_, first, [this](BlockIQ1_M& block, uint8_t draw) {
        for (int w = 0; w < 4; ++w)
          block.scales[w] =
              static_cast<uint16_t>((block.scales[w] & 0x0FFF) | (scales_[draw].d >> (4 * w) & 15) << 12);
      });
    case Format::kIQ2_XXS:
      return fill_blocks<BlockIQ2_XXS>(out, key_, first, set_d);
    case Format::kIQ2_XS:
      return fill_blocks<BlockIQ2_XS>(out, key_, first, set_d);
    case Format::kIQ2_S:
      return fill_blocks<BlockIQ2_S>(out, key_, first, set_d);
    case Format::kIQ3_XXS:
      return fill_blocks<BlockIQ3_XXS>(out, key_, first, set_d);
    case Format::kIQ3_S:
      return fill_blocks<BlockIQ3_S>(out, key_, first, set_d);
    case Format::kTQ1_0:
      return fill_blocks<BlockTQ1_0>(out, key_, first, set_d);
    case Format::kTQ2_0:
      return fill_blocks<BlockTQ2_0>(out, key_, first, set_d);
    case Format::kQ8_0:
      return fill_blocks<BlockQ8_0>(out, key_, first, [this](BlockQ8_0& block, uint8_t draw) {
        block.d = scales_[draw].d;
        for (int8_t& q : block.quants) q = std::max<int8_t>(q, -127);  // encoders never produce −128 either
      });
    case Format::kQ4_1:
      return fill_blocks<BlockQ4_1>(out, key_, first, [this](BlockQ4_1& block, uint8_t draw) {
        block.d = scales_[draw].d;
        block.m = scales_[draw].min;
      });
    case Format::kQ5_1:
      return fill_blocks<BlockQ5_1>(out, key_, first, [this](BlockQ5_1& block, uint8_t draw) {
        block.d = scales_[draw].d;
        block.m = scales_[draw].min;
      });
    case Format::kQ2_K:
      return fill_blocks<BlockQ2_K>(out, key_, first, [this](BlockQ2_K& block, uint8_t draw) {
        block.d = scales_[draw].d;
        block.dmin = scales_[draw].min;
        for (uint8_t& scale : block.scales) scale |= 0x88;  // maps both to 8 … 15
      });
    case Format::kQ4_K:
      return fill_blocks<BlockQ4_K>(out, key_, first, [this](BlockQ4_K& block, uint8_t draw) {
        block.d = scales_[draw].d;
        block.dmin = scales_[draw].min;
        raise_scales(block.scales);
      });
    case Format::kQ5_K:
      return fill_blocks<BlockQ5_K>(out, key_, first, [this](BlockQ5_K& block, uint8_t draw) {
        block.d = scales_[draw].d;
        block.dmin = scales_[draw].min;
        raise_scales(block.scales);
      });
    case Format::kMXFP4:
      return fill_blocks<BlockMXFP4>(out, key_, first, [this](BlockMXFP4& block, uint8_t draw) {
        block.exponent = static_cast<uint8_t>(scales_[draw].d);
      });
    case Format::kG4_32:
      return fill_blocks<BlockG4_32>(out, key_, first, set_group);
    case Format::kG4_64:
      return fill_blocks<BlockG4_64>(out, key_, first, set_group);
    case Format::kG4_128:
      return fill_blocks<BlockG4_128>(out, key_, first, set_group);
  }
}

}  // namespace ferrum::formats
