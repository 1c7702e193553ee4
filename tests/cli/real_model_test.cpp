// A published model, where it can be had: Gemma 3 270M (Q4_K_M), which `./dev real-models` fetches. What is
// expected was computed by llama.cpp (b11549, on a CPU with AVX2), as tests/data/real/README.md says.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/contains.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/process.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::ferrum;
using test::Finished;

// The folder that `./dev real-models` fills, or the one that FERRUM_REAL_MODELS names.
std::filesystem::path real_model(const char* name) {
  const char* folder = std::getenv("FERRUM_REAL_MODELS");
  return (folder ? std::filesystem::path(folder)
                 : std::filesystem::path(FERRUM_SOURCE_DIR) / ".cache" / "real-models") /
         name;
}

class Gemma3 : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(model_))
      GTEST_SKIP() << "needs " << model_.string() << "; ./dev real-models fetches it";
    expected_ = json::parse(test::read_file(test::data("real/gemma3-270m.json")));
  }

  const std::filesystem::path model_ = real_model("gemma-3-270m-q4_k_m.gguf");
  json expected_;
};

// Many scripts, code, spaces, emoji, spellings of control tokens and of bytes: as text and as control tokens.
TEST_F(Gemma3, TokensAreThoseOfLlamaCpp) {
  const std::string text = test::read_file(test::data("real/texts.txt"));
  for (const auto& [name, options] :
       {std::pair{"plain", std::vector<std::string>{}}, {"control", {"--control-tokens"}}}) {
    std::vector<std::string> args = {"tokenize", model_.string(), "--json"};
    args.insert(args.end(), options.begin(), options.end());
    const Finished done = ferrum(args, text);
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(json::parse(done.out)["ids"], expected_["ids"][name]) << name;
  }
}

TEST_F(Gemma3, GreedyTextIsThatOfLlamaCpp) {
  for (const auto& [prompt, text] : expected_["greedy"].items()) {
    const Finished done = ferrum({"run", model_.string(), prompt, "--raw", "--plain", "--temperature", "0",
                                  "--max-tokens", std::to_string(expected_["greedy_tokens"].get<int>())});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, text.get<std::string>() + "\n") << prompt;
  }
}

TEST_F(Gemma3, PerplexityIsWithinOnePercentOfLlamaCpps) {
  const json& expected = expected_["perplexity"];
  const Finished done = ferrum({"perplexity", model_.string(), test::data("heldout.txt").string(),
                                "--windows", std::to_string(expected["windows"].get<int>()), "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const json measured = json::parse(done.out);
  EXPECT_EQ(measured["tokens_scored"], expected["tokens_scored"]);
  const double value = expected["value"];
  EXPECT_NEAR(measured["perplexity"].get<double>(), value, 0.01 * value);
}

// The file is a pretrained model without a chat template, which is said once.
TEST_F(Gemma3, TheMissingChatTemplateIsSaid) {
  const Finished done =
      ferrum({"run", model_.string(), "The three primary colours are", "--max-tokens", "1"});
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_CONTAINS(done.err, "the model has no chat template");
}

}  // namespace
}  // namespace ferrum
