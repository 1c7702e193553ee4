// Every step of a tokenizer.json against the tokenizers library on difficult texts
// (tests/data/tokenizers/generate.py). FERRUM_TOKENIZER_CASES may name a folder with more such files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/tokenizer/tokenizer_json.h"
#include "support/files.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files() {
  std::vector<fs::path> folders{fs::path(FERRUM_SOURCE_DIR) / "tests/data/tokenizers"};
  if (const char* more = std::getenv("FERRUM_TOKENIZER_CASES")) folders.emplace_back(more);
  std::vector<fs::path> all;
  for (const fs::path& folder : folders)
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".json") all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(tokenizer, Detokenizer::Start::kOfText);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text += detokenizer.finish();
}

class TokenizerCases : public testing::TestWithParam<fs::path> {};

TEST_P(TokenizerCases, AreTheLibrarys) {
  const nlohmann::json file = nlohmann::json::parse(test::read_file(GetParam()));
  const auto tokenizer = Tokenizer::make(read_tokenizer_json(file["tokenizer"].dump(), GetParam().string()));
  ASSERT_FALSE(file["cases"].empty());
  size_t wrong = 0;
  for (const nlohmann::json& json : file["cases"]) {
    const auto ids = json["ids"].get<std::vector<TokenId>>();
    if (json.contains("text")) {
      const std::string text = json["text"];
      EXPECT_EQ(tokenizer->encode({text, true}), ids) << json["text"].dump(-1, ' ', true);
    }
    if (json.contains("decoded")) {
      EXPECT_EQ(tokenizer->decode(ids), json["decoded"].get<std::string>()) << json["ids"].dump();
      EXPECT_EQ(streamed(*tokenizer, ids), json["decoded"].get<std::string>()) << json["ids"].dump();
    }
    if (HasFailure() && ++wrong == 3) break;
  }
}

INSTANTIATE_TEST_SUITE_P(, TokenizerCases, testing::ValuesIn(files()), [](const auto& info) {
  return info.param.parent_path().filename().string() + "_" + info.param.stem().string();
});

}  // namespace
}  // namespace ferrum
