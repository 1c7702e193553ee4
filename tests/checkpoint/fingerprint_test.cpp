#include "checkpoint/fingerprint.h"

#include <gtest/gtest.h>

#include "support/files.h"
#include "support/small_models.h"

namespace ferrum {
namespace {

class FingerprintTest : public testing::Test {
 protected:
  Hash128 of(const std::string& gguf) {
    return fingerprint(*Checkpoint::open(folder_.write("model" + std::to_string(++files_) + ".gguf", gguf)));
  }
  Hash128 of(const test::SmallHf& model) {
    const test::TemporaryFolder folder;
    return fingerprint(*Checkpoint::open(model.write(folder)));
  }

  test::TemporaryFolder folder_;
  int files_ = 0;
};

TEST_F(FingerprintTest, WhereTheFileLiesAndWhatItIsCalledPlayNoPart) {
  test::SmallGguf named;
  named.others.string("general.name", "another name");
  EXPECT_EQ(of(test::SmallGguf().build()), of(test::SmallGguf().build()));
  EXPECT_EQ(of(test::SmallGguf().build()), of(named.build()));
}

TEST_F(FingerprintTest, AnyByteOfASmallModelIsNoticed) {
  const std::string bytes = test::SmallGguf().build();
  const Hash128 usual = of(bytes);
  for (const size_t from_end : {1u, 500u, 2000u, 4000u}) {
    std::string changed = bytes;
    changed[changed.size() - from_end] ^= 1;
    EXPECT_NE(of(changed), usual) << from_end;
  }
}

TEST_F(FingerprintTest, NumbersOfTheDescriptionAreNoticed) {
  const Hash128 usual = of(test::SmallGguf().build());
  test::SmallGguf context;
  context.set("context_length", 128);
  EXPECT_NE(of(context.build()), usual);
  test::SmallGguf theta;
  theta.others.f32("llama.rope.freq_base", 20000);
  EXPECT_NE(of(theta.build()), usual);

  test::SmallHf folder;
  const Hash128 unscaled = of(folder);
  folder.config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  const Hash128 scaled = of(folder);
  EXPECT_NE(scaled, unscaled);
  folder.config["rope_scaling"]["factor"] = 4.0;
  EXPECT_NE(of(folder), scaled);
}

// More than is looked at: pieces at equal distances, the first of each tensor among them.
TEST_F(FingerprintTest, EveryTensorOfALargeModelIsLookedAt) {
  test::SmallGguf model;
  const uint64_t vocab = 1'200'000;  // × 8 × float32, twice: 77 MB, so every second page
  model.tensors["token_embd.weight"] = {vocab, 8};
  model.tensors["output.weight"] = {vocab, 8};
  std::string bytes = model.build();
  const Hash128 usual = of(bytes);
  EXPECT_EQ(of(bytes), usual);

  const size_t embedding = vocab * 8 * 4;
  const size_t others = bytes.size() - 2 * embedding;
  ASSERT_LT(others, 100'000u);
  for (const size_t page : {0, 1}) bytes[bytes.size() - embedding / 2 + page * 4096] ^= 1;
  EXPECT_NE(of(bytes), usual);
}

}  // namespace
}  // namespace ferrum
