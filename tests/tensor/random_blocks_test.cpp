#include "tensor/formats/random_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace ferrum {
namespace {

using formats::RandomBlocks;

class RandomBlocksTest : public testing::TestWithParam<int> {
 protected:
  Format format() const { return static_cast<Format>(GetParam()); }
  std::vector<std::byte> made(const RandomBlocks& blocks, size_t values) const {
    std::vector<std::byte> bytes(row_bytes(format(), values));
    blocks.fill(bytes, 0);
    return bytes;
  }
};

TEST_P(RandomBlocksTest, MeanAndDeviation) {
  constexpr size_t kValues = size_t{1} << 20;
  for (const float deviation : {0.005f, 0.02f, 1.3f}) {
    const auto bytes = made(RandomBlocks(format(), deviation, {7, "blk.0.attn_q.weight"}), kValues);
    std::vector<float> values(kValues);
    traits(format()).decode(bytes.data(), values.data(), kValues);
    double sum = 0, squares = 0;
    float largest = 0;
    for (const float v : values) {
      ASSERT_TRUE(std::isfinite(v));
      sum += v;
      squares += double{v} * v;
      largest = std::max(largest, std::abs(v));
    }
    const double mean = sum / kValues;
    EXPECT_NEAR(mean / deviation, 0, 0.02) << deviation;
    EXPECT_NEAR(std::sqrt(squares / kValues) / deviation, 1, 0.03) << deviation;
    EXPECT_LT(largest, 10 * deviation);
  }
}

TEST_P(RandomBlocksTest, ABlockDependsOnItsIndexAlone) {
  const RandomBlocks blocks(format(), 0.02f, {7, "a"});
  const size_t block = traits(format()).block_bytes;
  const auto whole = made(blocks, size_t{256} * traits(format()).block_values);
  for (const size_t first : {size_t{0}, size_t{1}, size_t{100}}) {
    std::vector<std::byte> part(block * 13);
    blocks.fill(part, first);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first * block)) << first;
  }
}

TEST_P(RandomBlocksTest, SeedAndNameMatter) {
  const size_t values = size_t{64} * traits(format()).block_values;
  const auto bytes = made(RandomBlocks(format(), 0.02f, {7, "a"}), values);
  EXPECT_EQ(bytes, made(RandomBlocks(format(), 0.02f, {7, "a"}), values));
  EXPECT_NE(bytes, made(RandomBlocks(format(), 0.02f, {8, "a"}), values));
  EXPECT_NE(bytes, made(RandomBlocks(format(), 0.02f, {7, "b"}), values));
}

INSTANTIATE_TEST_SUITE_P(Formats, RandomBlocksTest, testing::Range(0, kFormatCount), [](const auto& info) {
  return std::string(name_of(static_cast<Format>(info.param)));
});

}  // namespace
}  // namespace ferrum
