// Weights of any format with random values of a natural size, and the memory they lie in.
#pragma once
#include <cstring>
#include <random>
#include <vector>

#include "backend/weight.h"
#include "tensor/formats/blocks.h"
#include "tensor/half.h"

namespace ferrum::test {

inline constexpr Format kAllFormats[] = {Format::kF32,  Format::kF16,    Format::kBF16,   Format::kQ4_0,
                                         Format::kQ4_1, Format::kQ5_0,   Format::kQ5_1,   Format::kQ8_0,
                                         Format::kQ2_K, Format::kQ3_K,   Format::kQ4_K,   Format::kQ5_K,
                                         Format::kQ6_K, Format::kIQ4_NL, Format::kIQ4_XS, Format::kMXFP4};

inline std::vector<float> random_floats(size_t count, uint32_t seed, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

namespace random_blocks {

using namespace formats;

inline uint16_t near(float value, std::mt19937& random) {
  return f16_from_float(value * std::uniform_real_distribution<float>(0.5f, 1.5f)(random));
}

// Random bits in every field, then scales such that values are of the order of 1.
inline void set_scales(BlockQ4_0& b, std::mt19937& r) { b.d = near(0.2f, r); }
inline void set_scales(BlockQ4_1& b, std::mt19937& r) { b.d = near(0.2f, r), b.m = near(-1.5f, r); }
inline void set_scales(BlockQ5_0& b, std::mt19937& r) { b.d = near(0.1f, r); }
inline void set_scales(BlockQ5_1& b, std::mt19937& r) { b.d = near(0.1f, r), b.m = near(-1.5f, r); }
inline void set_scales(BlockQ8_0& b, std::mt19937& r) { b.d = near(-0.012f, r); }
inline void set_scales(BlockQ2_K& b, std::mt19937& r) { b.d = near(0.1f, r), b.dmin = near(0.15f, r); }
inline void set_scales(BlockQ3_K& b, std::mt19937& r) { b.d = near(0.02f, r); }
inline void set_scales(BlockQ4_K& b, std::mt19937& r) { b.d = near(0.005f, r), b.dmin = near(0.04f, r); }
inline void set_scales(BlockQ5_K& b, std::mt19937& r) { b.d = near(0.0025f, r), b.dmin = near(0.04f, r); }
inline void set_scales(BlockQ6_K& b, std::mt19937& r) { b.d = near(0.0005f, r); }
inline void set_scales(BlockIQ4_NL& b, std::mt19937& r) { b.d = near(0.015f, r); }
inline void set_scales(BlockIQ4_XS& b, std::mt19937& r) { b.d = near(0.0007f, r); }
inline void set_scales(BlockMXFP4& b, std::mt19937& r) { b.exponent = static_cast<uint8_t>(124 + r() % 4); }

template <class Block>
void fill(std::vector<std::byte>& bytes, std::mt19937& random) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  for (size_t at = 0; at < bytes.size(); at += sizeof(Block)) {
    Block block;
    std::memcpy(&block, bytes.data() + at, sizeof block);
    set_scales(block, random);
    std::memcpy(bytes.data() + at, &block, sizeof block);
  }
}

}  // namespace random_blocks

inline std::vector<std::byte> random_bytes(Format format, size_t values, uint32_t seed) {
  using namespace formats;
  using random_blocks::fill;
  std::vector<std::byte> bytes(row_bytes(format, values));
  std::mt19937 random(seed);
  const std::vector<float> floats = is_float(format) ? random_floats(values, seed) : std::vector<float>();
  switch (format) {
    case Format::kF32:
      std::memcpy(bytes.data(), floats.data(), bytes.size());
      break;
    case Format::kF16:
    case Format::kBF16:
      for (size_t i = 0; i < values; ++i) {
        const uint16_t half = format == Format::kF16 ? f16_from_float(floats[i]) : bf16_from_float(floats[i]);
        std::memcpy(bytes.data() + 2 * i, &half, 2);
      }
      break;
    case Format::kQ4_0:
      fill<BlockQ4_0>(bytes, random);
      break;
    case Format::kQ4_1:
      fill<BlockQ4_1>(bytes, random);
      break;
    case Format::kQ5_0:
      fill<BlockQ5_0>(bytes, random);
      break;
    case Format::kQ5_1:
      fill<BlockQ5_1>(bytes, random);
      break;
    case Format::kQ8_0:
      fill<BlockQ8_0>(bytes, random);
      break;
    case Format::kQ2_K:
      fill<BlockQ2_K>(bytes, random);
      break;
    case Format::kQ3_K:
      fill<BlockQ3_K>(bytes, random);
      break;
    case Format::kQ4_K:
      fill<BlockQ4_K>(bytes, random);
      break;
    case Format::kQ5_K:
      fill<BlockQ5_K>(bytes, random);
      break;
    case Format::kQ6_K:
      fill<BlockQ6_K>(bytes, random);
      break;
    case Format::kIQ4_NL:
      fill<BlockIQ4_NL>(bytes, random);
      break;
    case Format::kIQ4_XS:
      fill<BlockIQ4_XS>(bytes, random);
      break;
    case Format::kMXFP4:
      fill<BlockMXFP4>(bytes, random);
      break;
  }
  return bytes;
}

// A WeightSource and the bytes it looks at. They end at the end of an allocation, so that a sanitizer sees a
// kernel that reads past a row.
class RandomWeight {
 public:
  struct PartSpec {
    Format format;
    int rows;  // of one group
    bool tensor_per_group = false;
  };

  RandomWeight(int groups, int cols, const std::vector<PartSpec>& parts, bool with_bias, uint32_t seed) {
    source_.groups = groups;
    int rows = 0;
    for (const PartSpec& spec : parts) {
      WeightSource::Part part;
      const int tensors = spec.tensor_per_group ? groups : 1;
      const int tensor_rows = spec.tensor_per_group ? spec.rows : spec.rows * groups;
      for (int i = 0; i < tensors; ++i) {
        bytes_.push_back(
            random_bytes(spec.format, static_cast<size_t>(tensor_rows) * static_cast<size_t>(cols), ++seed));
        part.push_back({"random", spec.format, {tensor_rows, cols}, bytes_.back()});
      }
      source_.parts.push_back(part);
      rows += spec.rows;
    }
    if (with_bias)
      source_.bias = random_floats(static_cast<size_t>(rows) * static_cast<size_t>(groups), ++seed);
  }
  RandomWeight(Format format, int rows, int cols, uint32_t seed)
      : RandomWeight(1, cols, {{format, rows}}, false, seed) {}

  const WeightSource& source() const { return source_; }

 private:
  std::vector<std::vector<std::byte>> bytes_;
  WeightSource source_;
};

}  // namespace ferrum::test
