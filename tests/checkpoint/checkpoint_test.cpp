#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace ferrum {
namespace {

TEST(Checkpoint, EveryGoldenOpens) {
  for (const char* name : {"llama", "llama3_rope_scaling_tied", "llama_f16_256", "mistral_sliding_window", "qwen2", "qwen3",
                           "qwen3_256", "qwen3_moe", "qwen3_moe_256", "qwen3_moe_mixed_dense_layers", "qwen3_yarn"}) {
    const auto c = Checkpoint::open(test::data(std::filesystem::path("goldens") / name));
    EXPECT_EQ(c->model().name, name);
    EXPECT_EQ(c->model().vocab, 384) << name;
    EXPECT_GT(c->model().parameters, 100'000) << name;
    EXPECT_EQ(c->generation().stop_tokens, std::vector<TokenId>{2}) << name;
    EXPECT_TRUE(c->intact());
  }
}

}  // namespace
}  // namespace ferrum
