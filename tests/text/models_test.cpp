// Unigram, WordPiece, word level, and the structures below them.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "specs.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/warnings.h"
#include "text/piece_cache.h"
#include "text/trie.h"

namespace ferrum {
namespace {

using test::spec_of;
using test::spellings;
using test::token;

TEST(UnigramModel, AgreesWithTryingEveryCut) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    TokenizerSpec spec = spec_of({token("<unk>", TokenKind::kUnknown)}, UnigramSpec{});
    std::map<std::string, double> score;
    for (int i = 0; i < 12; ++i) {
      std::string spelling;
      for (size_t n = random() % 3 + 1; n > 0; --n) spelling += "abc"[random() % 3];
      if (!score.contains(spelling))
        spec.tokens.push_back(token(spelling, score[spelling] = -1 - double(random() % 1000) / 100));
    }
    spec.unknown = 0;
    double lowest = 0;
    for (const auto& [spelling, s] : score) lowest = std::min(lowest, s);
    const auto tokenizer = Tokenizer::make(std::move(spec));
    for (int i = 0; i < 30; ++i) {
      std::string text;
      for (size_t n = random() % 9 + 1; n > 0; --n) text += "abc"[random() % 3];
      double best = -1e9;
      const std::function<void(size_t, double)> cut = [&](size_t at, double sum) {
        if (at == text.size()) best = std::max(best, sum);
        for (size_t n = 1; at + n <= text.size(); ++n) {
          const auto it = score.find(text.substr(at, n));
          if (it != score.end())
            cut(at + n, sum + it->second);
          else if (n == 1)
            cut(at + 1, sum + lowest - 10);
        }
      };
      cut(0, 0);
      double got = 0;
      std::string spelled;
      size_t unknown_characters = text.size();
      for (const TokenId id : test::encode(*tokenizer, text)) {
        const std::string s(tokenizer->spelling(id));
        if (s == "<unk>") continue;
        got += score.at(s);
        unknown_characters -= s.size();
      }
      got += static_cast<double>(unknown_characters) * (lowest - 10);
      EXPECT_NEAR(got, best, 1e-9) << text;
    }
  }
}

TEST(UnigramModel, UnknownCharactersAreOneTokenOrTheirBytes) {
  TokenizerSpec spec = spec_of({token("<unk>", TokenKind::kUnknown), token("a", -1.0)}, UnigramSpec{});
  spec.unknown = 0;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "a€€a€"), "a|<unk>|a|<unk>");
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(token(fmt::format("<0x{:02X}>", b), TokenKind::kByte));
  spec.model = UnigramSpec{.byte_fallback = true};
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "aé€"), "a|<0xC3>|<0xA9>|<0xE2>|<0x82>|<0xAC>");
}

TEST(UnigramModel, ControlTokensHaveNoSpelling) {
  TokenizerSpec spec = spec_of({token("<unk>", TokenKind::kUnknown), token("</s>", TokenKind::kControl),
                                token("<", -1.0), token("/", -1.0), token("s", -1.0), token(">", -1.0)},
                               UnigramSpec{});
  spec.unknown = 0;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "</s>"), "<|/|s|>");
}

TEST(WordPieceModel, LongestFirst) {
  TokenizerSpec spec = spec_of({token("[UNK]", TokenKind::kUnknown), token("un"), token("una"),
                                token("##ffa"), token("##ff"), token("##able"), token("##aff"), token("中")},
                               WordPieceSpec{});
  spec.unknown = 0;
  const auto tokenizer = Tokenizer::make(spec);
  EXPECT_EQ(spellings(*tokenizer, "unaffable"), "[UNK]")
      << "una ##ffa leaves ble, and there is no going back";
  EXPECT_EQ(spellings(*tokenizer, "unaffaaff"), "una|##ffa|##aff");
  EXPECT_EQ(spellings(*tokenizer, "中un"), "[UNK]");
  EXPECT_EQ(spellings(*tokenizer, std::string(100, 'u')), "[UNK]");
}

TEST(WordPieceModel, LongWordsAreUnknown) {
  TokenizerSpec spec =
      spec_of({token("[UNK]", TokenKind::kUnknown), token("é"), token("##é")}, WordPieceSpec{});
  spec.unknown = 0;
  std::string word;
  for (int i = 0; i < 100; ++i) word += "é";
  EXPECT_EQ(test::encode(*Tokenizer::make(spec), word).size(), 100u);
  EXPECT_EQ(spellings(*Tokenizer::make(spec), word + "é"), "[UNK]");
}

TEST(WordPieceModel, LeavesOutWhatItCannotSpellWithoutAnUnknownToken) {
  const test::LoggedWarnings warnings;
  TokenizerSpec spec = spec_of({token("a")}, WordPieceSpec{});
  spec.pretokenizer = {SplitWhitespace{}};
  EXPECT_EQ(spellings(*Tokenizer::make(std::move(spec)), "a b a"), "a|a");
  EXPECT_CONTAINS(warnings.text(), "test.json: vocab has no unknown token");
}

TEST(WordLevelModel, WholeWords) {
  TokenizerSpec spec =
      spec_of({token("<unk>", TokenKind::kUnknown), token("the"), token("<s>", TokenKind::kControl)},
              WordLevelSpec{});
  spec.unknown = 0;
  spec.pretokenizer = {SplitWhitespace{}};
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "the cat <s>"), "the|<unk>|<unk>");
}

TEST(Trie, PrefixesShortestFirst) {
  const Trie trie({{"a", 0}, {"abc", 1}, {"abd", 2}, {"\xff", 3}, {"", 4}, {"a", 5}});
  std::vector<std::pair<size_t, int32_t>> found;
  const auto collect = [&](size_t n, int32_t v) { found.emplace_back(n, v); };
  trie.for_each_prefix("abce", collect);
  EXPECT_EQ(found, (std::vector<std::pair<size_t, int32_t>>{{1, 0}, {3, 1}}));
  EXPECT_TRUE(trie.begins('\xff'));
  EXPECT_FALSE(trie.begins('b'));
  EXPECT_TRUE(Trie().empty());
}

TEST(Trie, ANodeWithEveryByte) {
  std::vector<std::string> keys;
  for (int b = 0; b < 256; ++b) keys.emplace_back(1, static_cast<char>(b));
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (int b = 0; b < 256; ++b) entries.emplace_back(keys[static_cast<size_t>(b)], b);
  const Trie trie(std::move(entries));
  for (int b = 0; b < 256; ++b)
    trie.for_each_prefix(keys[static_cast<size_t>(b)], [&](size_t, int32_t value) { EXPECT_EQ(value, b); });
}

// Found by the tokenizer's fuzz target: an empty vector's ids begin nowhere.
TEST(PieceCache, APieceMayHaveNoIds) {
  PieceCache cache;
  std::vector<TokenId> out;
  cache.put("unsayable", out.data(), 0);
  EXPECT_TRUE(cache.append("unsayable", out));
  EXPECT_TRUE(out.empty());
}

TEST(PieceCache, GivesWhatWasPutAndOnlyThat) {
  PieceCache cache;
  std::vector<TokenId> out;
  EXPECT_FALSE(cache.append("word", out));
  const std::vector<TokenId> ids{7, 8};
  cache.put("word", ids.data(), ids.size());
  EXPECT_TRUE(cache.append("word", out));
  EXPECT_EQ(out, ids);
  EXPECT_FALSE(cache.append("wore", out));
  cache.put(std::string(PieceCache::kMostBytes + 1, 'a'), ids.data(), 2);
  EXPECT_FALSE(cache.append(std::string(PieceCache::kMostBytes + 1, 'a'), out));
}

}  // namespace
}  // namespace ferrum
