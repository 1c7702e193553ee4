// Folders without a tokenizer.json, or whose files disagree, against the results of transformers
// (tests/data/tokenizers/generate_folders.py). FERRUM_TOKENIZER_FOLDERS may name a folder with more of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tokenizer/hf_tokenizer.h"
#include "support/files.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders() {
  std::vector<fs::path> roots{fs::path(FERRUM_SOURCE_DIR) / "tests/data/tokenizers/folders"};
  if (const char* more = std::getenv("FERRUM_TOKENIZER_FOLDERS")) roots.emplace_back(more);
  std::vector<fs::path> all;
  for (const fs::path& root : roots)
    for (const fs::directory_entry& entry : fs::directory_iterator(root)) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

class TokenizerFolders : public testing::TestWithParam<fs::path> {};

TEST_P(TokenizerFolders, AreWhatTransformersMakesOfThem) {
  const auto tokenizer = load_hf_tokenizer(GetParam());
  ASSERT_NE(tokenizer, nullptr);
  const nlohmann::json file = nlohmann::json::parse(test::read_file(GetParam() / "cases.json"));
  const auto id_of = [](const nlohmann::json& json) {
    return json.is_null() ? std::optional<TokenId>() : std::optional(json.get<TokenId>());
  };
  EXPECT_EQ(tokenizer->special().bos, id_of(file["special"]["bos"]));
  EXPECT_EQ(tokenizer->special().eos, id_of(file["special"]["eos"]));
  EXPECT_EQ(tokenizer->size(), file["special"]["size"].get<int>());
  for (const nlohmann::json& json : file["cases"]) {
    const std::string text = json["text"];
    EXPECT_EQ(tokenizer->encode({text, true}), json["ids"].get<std::vector<TokenId>>())
        << json["text"].dump(-1, ' ', true);
  }
}

INSTANTIATE_TEST_SUITE_P(, TokenizerFolders, testing::ValuesIn(folders()), [](const auto& info) {
  return info.param.parent_path().filename().string() + "_" + info.param.filename().string();
});

}  // namespace
}  // namespace ferrum
