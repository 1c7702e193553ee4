// Weights of any format with random values of a natural size, and the memory they lie in.
#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "backend/weight.h"
#include "tensor/formats/random_blocks.h"

namespace ferrum::test {

inline constexpr auto kAllFormats = [] {
  std::array<Format, kFormatCount> all = {};
  for (int i = 0; i < kFormatCount; ++i) all[static_cast<size_t>(i)] = static_cast<Format>(i);
  return all;
}();

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

// Rows that lie in memory as they are, for tensors that are to come from a maker.
class StoredRows final : public RowMaker {
 public:
  StoredRows(std::span<const std::byte> bytes, size_t row) : bytes_(bytes), row_(row) {}
  void make(int64_t first, int64_t count, std::byte* out) const override {
    const auto part = bytes_.subspan(static_cast<size_t>(first) * row_, static_cast<size_t>(count) * row_);
    std::copy(part.begin(), part.end(), out);
  }
  std::vector<std::span<const std::byte>> stored() const override { return {bytes_}; }

 private:
  std::span<const std::byte> bytes_;
  size_t row_;
};

// A WeightSource and the bytes it looks at. They end at the end of an allocation, so that a sanitizer sees a
// kernel that reads past a row.
class RandomWeight {
 public:
  struct PartSpec {
    Format format;
    int rows;  // of one group
    bool tensor_per_group = false;
    bool is_ordered = false;  // columns lie in an order of the tensor's own
    bool is_made = false;     // rows come from a maker
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
        HostTensor tensor = {"random", spec.format, {tensor_rows, cols}, bytes_.back()};
        if (spec.is_made) {
          tensor.maker =
              std::make_shared<StoredRows>(tensor.bytes, row_bytes(spec.format, static_cast<size_t>(cols)));
          tensor.bytes = {};
        }
        if (spec.is_ordered) {
          ColumnOrder order(static_cast<size_t>(cols));
          std::iota(order.begin(), order.end(), 0);
          std::shuffle(order.begin(), order.end(), std::mt19937(seed));
          tensor.column_order = std::make_shared<const ColumnOrder>(std::move(order));
        }
        part.push_back(std::move(tensor));
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
