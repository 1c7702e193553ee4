// The coded formats against gguf-py 0.19 (gguf.quants.dequantize): a hash of what it decodes from 1024
// blocks, in which every point of every grid occurs.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tensor/format.h"

namespace ferrum {
namespace {

const std::map<Format, uint64_t>& hashes() {
  static const std::map<Format, uint64_t> all = {
      {Format::kIQ1_S, 0x8319350611B15CE5u},   {Format::kIQ1_M, 0x4125EAC64396C504u},
      {Format::kIQ2_XXS, 0x8DA71A6F9233FFF7u}, {Format::kIQ2_XS, 0x069F404E2B187A66u},
      {Format::kIQ2_S, 0x52AB12C76F0DA2D1u},   {Format::kIQ3_XXS, 0xF9B11BB9A9E9FFA1u},
      {Format::kIQ3_S, 0xC1F6B86D1CF417DCu},   {Format::kTQ1_0, 0xEC21A1A37E004E33u},
      {Format::kTQ2_0, 0x9C23DACEFC021712u},
  };
  return all;
}

// Bytes of a linear congruential generator, except that d is a number of a natural size.
std::vector<std::byte> blocks_of(Format format) {
  const auto size = static_cast<size_t>(traits(format).block_bytes);
  std::vector<std::byte> blocks(1024 * size);
  uint64_t state = 1;
  for (std::byte& b : blocks) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    b = static_cast<std::byte>(state >> 56);
  }
  for (size_t at = 0; at < blocks.size(); at += size) {
    if (format == Format::kIQ1_M) {
      blocks[at + 55] = (blocks[at + 55] & std::byte{0x0F}) | std::byte{0x20};
      blocks[at + 53] &= std::byte{0x3F};
    } else {
      const size_t d = at + (format == Format::kTQ1_0 ? 52 : format == Format::kTQ2_0 ? 64 : 0);
      blocks[d + 1] = (blocks[d + 1] & std::byte{0x83}) | std::byte{0x20};
    }
  }
  return blocks;
}

uint64_t hash_of(std::span<const std::byte> bytes) {  // FNV-1a
  uint64_t hash = 0xCBF29CE484222325;
  for (const std::byte b : bytes) hash = (hash ^ std::to_integer<uint64_t>(b)) * 0x100000001B3;
  return hash;
}

class CodedDecode : public testing::TestWithParam<Format> {};

TEST_P(CodedDecode, AgreesWithGgufPy) {
  const std::vector<std::byte> blocks = blocks_of(GetParam());
  std::vector<float> values(size_t{1024} * 256);
  traits(GetParam()).decode(blocks.data(), values.data(), values.size());
  EXPECT_EQ(hash_of(std::as_bytes(std::span(values))), hashes().at(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Formats, CodedDecode,
                         testing::Values(Format::kIQ1_S, Format::kIQ1_M, Format::kIQ2_XXS, Format::kIQ2_XS,
                                         Format::kIQ2_S, Format::kIQ3_XXS, Format::kIQ3_S, Format::kTQ1_0,
                                         Format::kTQ2_0),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum
