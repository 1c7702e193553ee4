// Products of the largest quants and inputs that there are, where a sum in 16 bits would overflow first.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <map>

#include "backend/cpu/cpu_backend.h"
#include "operations.h"
#include "random_weight.h"
#include "tensor/formats/blocks.h"

namespace ferrum::test {
namespace {

using namespace formats;

constexpr int kRows = 24;
constexpr int kCols = 512;

// Where a block's binary16 numbers are; their bytes cannot be arbitrary.
const std::map<Format, std::vector<size_t>>& halves() {
  static const std::map<Format, std::vector<size_t>> offsets = {
      {Format::kQ4_0, {offsetof(BlockQ4_0, d)}},
      {Format::kQ4_1, {offsetof(BlockQ4_1, d), offsetof(BlockQ4_1, m)}},
      {Format::kQ5_0, {offsetof(BlockQ5_0, d)}},
      {Format::kQ5_1, {offsetof(BlockQ5_1, d), offsetof(BlockQ5_1, m)}},
      {Format::kQ8_0, {offsetof(BlockQ8_0, d)}},
      {Format::kQ2_K, {offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)}},
      {Format::kQ3_K, {offsetof(BlockQ3_K, d)}},
      {Format::kQ4_K, {offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)}},
      {Format::kQ5_K, {offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)}},
      {Format::kQ6_K, {offsetof(BlockQ6_K, d)}},
      {Format::kIQ4_NL, {offsetof(BlockIQ4_NL, d)}},
      {Format::kIQ4_XS, {offsetof(BlockIQ4_XS, d)}},
      {Format::kIQ1_S, {offsetof(BlockIQ1_S, d)}},
      {Format::kIQ2_XXS, {offsetof(BlockIQ2_XXS, d)}},
      {Format::kIQ2_XS, {offsetof(BlockIQ2_XS, d)}},
      {Format::kIQ2_S, {offsetof(BlockIQ2_S, d)}},
      {Format::kIQ3_XXS, {offsetof(BlockIQ3_XXS, d)}},
      {Format::kIQ3_S, {offsetof(BlockIQ3_S, d)}},
      {Format::kTQ1_0, {offsetof(BlockTQ1_0, d)}},
      {Format::kTQ2_0, {offsetof(BlockTQ2_0, d)}},
      {Format::kG4_32, {offsetof(BlockG4_32, d)}},
      {Format::kG4_64, {offsetof(BlockG4_64, d)}},
      {Format::kG4_128, {offsetof(BlockG4_128, d)}},
  };
  return offsets;
}

// Rows whose blocks consist of `fill` except for scales in binary16, which are 1/16, or 2^-7 for MXFP4.
std::vector<std::byte> filled_rows(Format format, uint8_t fill) {
  std::vector<std::byte> bytes(row_bytes(format, size_t{kRows} * kCols), std::byte{fill});
  const size_t block = static_cast<size_t>(traits(format).block_bytes);
  for (size_t at = 0; at < bytes.size(); at += block) {
    if (format == Format::kMXFP4) bytes[at + offsetof(BlockMXFP4, exponent)] = std::byte{120};
    if (format == Format::kIQ1_M)  // four bits of d in each word
      for (const int word : {0, 1, 2, 3}) {
        std::byte& high = bytes[at + offsetof(BlockIQ1_M, scales) + static_cast<size_t>(2 * word + 1)];
        high = (high & std::byte{0x0F}) | static_cast<std::byte>(0x2C00 >> (4 * word) & 15) << 4;
      }
    const auto place = halves().find(format);
    if (place == halves().end()) continue;
    for (const size_t half : place->second) {
      bytes[at + half] = std::byte{0x00};
      bytes[at + half + 1] = std::byte{0x2C};
    }
  }
  return bytes;
}

class LargestQuants : public testing::TestWithParam<Isa> {};

TEST_P(LargestQuants, DoNotOverflow) {
  CpuBackend backend({.threads = 1, .isa = GetParam()});
  for (const Format format : kAllFormats) {
    if (is_float(format)) continue;
    for (const int fill : {0xFF, 0x00, 0x80, 0x7F}) {
      const std::vector<std::byte> bytes = filled_rows(format, static_cast<uint8_t>(fill));
      std::vector<float> decoded(size_t{kRows} * kCols);
      traits(format).decode(bytes.data(), decoded.data(), decoded.size());
      WeightSource source;
      source.parts = {{{"filled", format, {kRows, kCols}, bytes}}};
      const auto w = backend.pack(source);
      // Inputs of one magnitude are quantised to 127 and −127, without any rounding.
      for (const float input : {1.0f, -1.0f}) {
        for (const int tokens : {1, 2, 3, 6, 60}) {
          Bench bench(backend);
          const std::vector<float> x(static_cast<size_t>(tokens) * kCols, input);
          const Tensor out = bench.tensor(DType::kF32, tokens, kRows);
          backend.linear(out, bench.floats(x, tokens), *w);
          for (int row = 0; row < kRows; ++row) {
            double expected = 0;
            double magnitude = 0;
            for (size_t col = 0; col < kCols; ++col) {
              const double term = double{input} * decoded[static_cast<size_t>(row) * kCols + col];
              expected += term;
              magnitude += std::abs(term);
            }
            for (int t = 0; t < tokens; ++t)
              ASSERT_NEAR(*out.at<float>(t, row), expected, 1e-4 * magnitude + 1e-6)
                  << name_of(format) << " of bytes " << fill << ", " << tokens << " tokens, row " << row
                  << " on " << backend.name();
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, LargestQuants, testing::ValuesIn(available_isas()),
                         [](const auto& param) { return std::string(name_of(param.param)); });

}  // namespace
}  // namespace ferrum::test
