// A thousand answers drawn from masks, under schemas that are hard to keep: each is valid by the judge, whose
// reading of values does not share the answers' way of writing them. With FERRUM_DRAWN_ANSWERS, the name of a
// folder, they are written there for other validators, a line each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/random.h"
#include "grammar/compiled.h"
#include "grammar/token_matcher.h"

namespace ferrum::grammar {
namespace {

constexpr int kAnswers = 20;  // of each schema
constexpr uint64_t kTokens = 1000;
constexpr uint64_t kLoose = 60;  // after this many tokens, those that lead to the end are preferred

std::shared_ptr<const Vocabulary> vocabulary() {
  std::vector<Vocabulary::Token> tokens = tokens_of_bytes();
  for (const char* text :
       {"\",",  "\":",   "\": ",    "{\"",   "}}",       "]}",           "\"]",
        "},",   "\",\"", "\", \"",  "abc",   "foo",      "bar",          "null",
        "true", "false", "\\u00e9", "\\n",   "\xC3\xA9", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80",
        "  ",   "\n",    "12",      "2024-", "-0",       "10",           "127.0",
        "::",   "a\":1"})
    tokens.push_back({text, false});
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

// How much a token closes: those that end strings, arrays and objects come first.
int closing(const std::string& bytes) {
  int score = 0;
  for (const char byte : bytes)
    score += std::string_view("\"]}").find(byte) != std::string_view::npos        ? 4
             : byte == ',' || byte == ':'                                         ? 1
             : std::string_view(" \n\r\t[{").find(byte) != std::string_view::npos ? -2
                                                                                  : 0;
  return score;
}

std::string draw(const std::shared_ptr<const TokenGrammar>& grammar, uint64_t key) {
  TokenMatcher matcher(grammar);
  const Vocabulary& tokens = grammar->vocabulary();
  std::vector<uint32_t> words(tokens.words());
  std::string text;
  for (uint64_t step = 0; step < kTokens; ++step) {
    if (matcher.is_complete() && (step > kLoose || random_bits(key, 3 * step) % 3 == 0)) return text;
    EXPECT_TRUE(matcher.mask(words));
    std::vector<int32_t> allowed;
    for (size_t i = 0; i < tokens.size(); ++i)
      if (words[i / 32] >> (i % 32) & 1) allowed.push_back(static_cast<int32_t>(i));
    if (allowed.empty()) return text;
    const uint64_t bits = random_bits(key, 3 * step + 1);
    int32_t token = allowed[bits % allowed.size()];
    if (step > kLoose && bits % 8 != 0)
      token = *std::max_element(allowed.begin(), allowed.end(), [&](int32_t a, int32_t b) {
        return closing(tokens.token(a).bytes) < closing(tokens.token(b).bytes);
      });
    EXPECT_TRUE(matcher.accept(token));
    text += tokens.token(token).bytes;
  }
  ADD_FAILURE() << "no end behind " << text.substr(0, 200);
  return text;
}

TEST(Generation, AThousandAnswersUnderNastySchemasAreValid) {
  const std::filesystem::path folder =
      std::filesystem::path(FERRUM_SOURCE_DIR) / "tests/data/grammar/schemas";
  const char* out_folder = std::getenv("FERRUM_DRAWN_ANSWERS");
  const auto tokens = vocabulary();
  int schemas = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++schemas;
    std::stringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    const auto judge = from_schema(source.str(), Spec::Writing::kAny);
    std::ofstream out;
    if (out_folder)
      out.open(std::filesystem::path(out_folder) / entry.path().filename().replace_extension("jsonl"));
    const auto grammar = std::make_shared<const TokenGrammar>(from_schema(source.str()), tokens);
    for (uint64_t i = 0; i < kAnswers; ++i) {
      std::string text = draw(grammar, i);
      const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
      ASSERT_FALSE(json.is_discarded()) << entry.path() << ": " << text;
      EXPECT_TRUE(takes(judge, text)) << entry.path() << ": " << text;
      std::replace_if(
          text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      if (out_folder) out << text << '\n';
    }
  }
  EXPECT_EQ(schemas * kAnswers, 1000);
}

}  // namespace
}  // namespace ferrum::grammar
