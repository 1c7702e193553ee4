// Weights of any format with random values of a natural size, and the memory they lie in.
#pragma once
#include <random>
#include <vector>

#include "backend/weight.h"
#include "tensor/formats/random_blocks.h"

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

inline std::vector<std::byte> random_bytes(Format format, size_t values, uint32_t seed) {
  std::vector<std::byte> bytes(row_bytes(format, values));
  formats::RandomBlocks(format, 1.0f, {seed, "test"}).fill(bytes, 0);
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
