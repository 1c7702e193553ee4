#include "text/bpe_model.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/utf8.h"
#include "specs.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/warnings.h"

namespace ferrum {
namespace {

using test::spec_of;
using test::spellings;
using test::token;

// BPE as its definition says it: look at all pairs, join the best, begin again.
std::vector<std::string> naive(std::vector<std::string> parts,
                               const std::map<std::pair<std::string, std::string>, size_t>& rank) {
  for (;;) {
    size_t best = SIZE_MAX;
    size_t at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto it = rank.find({parts[i], parts[i + 1]});
      if (it != rank.end() && it->second < best) {
        best = it->second;
        at = i;
      }
    }
    if (best == SIZE_MAX) return parts;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) (all += all.empty() ? "" : "|") += part;
  return all;
}

TEST(BpeModel, AgreesWithItsDefinitionOnRandomVocabularies) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const std::string letters = round % 2 ? "ab" : "abcd";
    std::vector<std::string> tokens;
    std::set<std::string> known;
    for (const char c : letters) tokens.emplace_back(1, c), known.insert(tokens.back());
    BpeSpec bpe;
    std::map<std::pair<std::string, std::string>, size_t> rank;
    for (int i = 0; i < 30; ++i) {
      const std::string left = tokens[random() % tokens.size()];
      const std::string right = tokens[random() % tokens.size()];
      if (left.size() + right.size() > 9 || rank.contains({left, right})) continue;
      rank[{left, right}] = bpe.merges.size();
      bpe.merges.emplace_back(left, right);
      if (known.insert(left + right).second) tokens.push_back(left + right);
    }
    TokenizerSpec spec = spec_of({}, bpe);
    for (const std::string& spelling : tokens) spec.tokens.push_back(token(spelling));
    const auto tokenizer = Tokenizer::make(std::move(spec));
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> text;
      for (size_t n = random() % 60 + 1; n > 0; --n) text.emplace_back(1, letters[random() % letters.size()]);
      std::string whole;
      for (const std::string& c : text) whole += c;
      EXPECT_EQ(spellings(*tokenizer, whole), joined(naive(text, rank))) << whole;
    }
  }
}

// With scores instead of merges every pair whose joint spelling is a token may join, the best score first.
TEST(BpeModel, AgreesWithItsDefinitionByScore) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    TokenizerSpec spec = spec_of({token("a", -50.0), token("é", -51.0), token("b", -52.0)},
                                 BpeSpec{.by_score = true, .fuse_unknown = true});
    std::set<std::string> known{"a", "é", "b"};
    const std::vector<std::string> letters{"a", "é", "b"};
    for (int i = 0; i < 25; ++i) {
      std::string spelling;
      for (size_t n = random() % 5 + 2; n > 0; --n) spelling += letters[random() % 3];
      if (known.insert(spelling).second)
        spec.tokens.push_back(token(spelling, -static_cast<double>(random() % 20)));
    }
    std::map<std::string, double> score;
    for (const auto& t : spec.tokens) score[t.spelling] = t.score;
    const auto tokenizer = Tokenizer::make(std::move(spec));
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> parts;
      std::string whole;
      for (size_t n = random() % 40 + 1; n > 0; --n) whole += parts.emplace_back(letters[random() % 3]);
      for (;;) {
        double best = -1e9;
        size_t at = SIZE_MAX;
        for (size_t k = 0; k + 1 < parts.size(); ++k) {
          const auto it = score.find(parts[k] + parts[k + 1]);
          if (it != score.end() && it->second > best) best = it->second, at = k;
        }
        if (at == SIZE_MAX) break;
        parts[at] += parts[at + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      }
      EXPECT_EQ(spellings(*tokenizer, whole), joined(parts)) << whole;
    }
  }
}

TEST(BpeModel, CharactersThatAreNoTokensStillJoin) {
  const auto tokenizer = Tokenizer::make(spec_of(
      {token("n"), token("né", -1.0), token("<unk>", TokenKind::kUnknown)}, BpeSpec{.by_score = true}));
  EXPECT_EQ(spellings(*tokenizer, "nén"), "né|n");
}

TEST(BpeModel, UnknownCharacters) {
  TokenizerSpec spec = spec_of({token("<unk>", TokenKind::kUnknown), token("a")}, BpeSpec{});
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "axya"), "a|a") << "left out where there is no unknown token";
  spec.unknown = 0;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "axya"), "a|<unk>|<unk>|a");
  std::get<BpeSpec>(spec.model).fuse_unknown = true;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "axyazz"), "a|<unk>|a|<unk>");
}

TokenizerSpec with_byte_tokens() {
  TokenizerSpec spec = spec_of({token("<unk>", TokenKind::kUnknown), token("a"), token("b"), token("ab")},
                               BpeSpec{.merges = {{"a", "b"}}, .byte_fallback = true});
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(token(fmt::format("<0x{:02X}>", b), TokenKind::kByte));
  spec.unknown = 0;
  return spec;
}

TEST(BpeModel, ByteFallback) {
  TokenizerSpec spec = with_byte_tokens();
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "ab€b"), "ab|<0xE2>|<0x82>|<0xAC>|b");
  EXPECT_EQ(spellings(*Tokenizer::make(spec),
                      "a\xff"
                      "b"),
            "a|<0xFF>|b")
      << "broken UTF-8 keeps its bytes";
  spec.tokens[4 + 0xE2].spelling = "missing";  // characters with this byte do not fall back, others do
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "ab€b"), "ab|<unk>|b");
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "aéb"), "a|<0xC3>|<0xA9>|b");
}

// A spelling such as <0x61> in a text is text.
TEST(BpeModel, SpellingsOfByteTokensAreText) {
  TokenizerSpec spec = with_byte_tokens();
  for (const char* c : {"<", "0", "x", "6", "1", ">", "<0", "<0x", "<0x6", "<0x61"})
    spec.tokens.push_back(token(c));
  std::get<BpeSpec>(spec.model).merges = {
      {"<", "0"}, {"<0", "x"}, {"<0x", "6"}, {"<0x6", "1"}, {"<0x61", ">"}};
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "<0x61>"), "<0x61|>");
}

TEST(BpeModel, IgnoreMergesTakesWholeTokens) {
  TokenizerSpec spec = spec_of({token("a"), token("b"), token("c"), token("ab"), token("bc"), token("abc")},
                               BpeSpec{.merges = {{"b", "c"}}});
  spec.pretokenizer = {SplitByteLevel{.use_regex = false}};
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "abc"), "a|bc");
  std::get<BpeSpec>(spec.model).ignore_merges = true;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "abc"), "abc");
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "abcb"), "a|bc|b");
  spec.pretokenizer = {};
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "abc"), "abc");
  spec.tokens[5].kind = TokenKind::kControl;
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "abc"), "a|bc") << "never a control token";
}

TEST(BpeModel, PrefixOfContinuationsAndSuffixOfWords) {
  const auto tokenizer = Tokenizer::make(
      spec_of({token("a"), token("##b"), token("##c</w>"), token("##bc</w>"), token("a</w>")},
              BpeSpec{.merges = {{"##b", "##c</w>"}}, .continuing_prefix = "##", .word_suffix = "</w>"}));
  EXPECT_EQ(spellings(*tokenizer, "abc"), "a|##bc</w>");
  EXPECT_EQ(spellings(*tokenizer, "a"), "a</w>");
}

TEST(BpeModel, UnusedTokensFallIntoTheirParts) {
  const auto tokenizer = Tokenizer::make(spec_of({token("a", -5.0),
                                                  token("b", -6.0),
                                                  {.spelling = "ab", .kind = TokenKind::kUnused, .score = -1},
                                                  token("abb", -2.0)},
                                                 BpeSpec{.by_score = true}));
  EXPECT_EQ(spellings(*tokenizer, "abba"), "abb|a") << "joined on the way to another token";
  EXPECT_EQ(spellings(*tokenizer, "aba"), "a|b|a");
}

// Texts with "▁" are cut into words where no token goes across; where one does, they are not.
TEST(BpeModel, TokensAcrossWordsAreFound) {
  TokenizerSpec spec =
      spec_of({token("▁", -9.0), token("a", -9.0), token("▁a", -1.0)}, BpeSpec{.by_score = true});
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "▁a▁▁a▁"), "▁a|▁|▁a|▁");
  spec.tokens.push_back(token("a▁", -0.5));
  EXPECT_EQ(spellings(*Tokenizer::make(spec), "▁a▁▁a▁"), "▁|a▁|▁|a▁");
}

// As llama.cpp, which ranks merges by text: a spelling lost to a repeated or empty one, or to padding.
TEST(BpeModel, MergesOfSpellingsThatAreNoTokens) {
  const test::LoggedWarnings warnings;
  BpeSpec bpe{.merges = {{"a", "b"}, {"ab", "c"}, {"c", "d"}, {"é", "a"}, {"ab", "x"}}};
  bpe.untokened = BpeSpec::Untokened::kJoined;
  TokenizerSpec spec =
      spec_of({token("a"), token("b"), token("c"), token("d"), token("abc"), token("é"), token("")}, bpe);
  const auto tokenizer = Tokenizer::make(spec);
  EXPECT_EQ(spellings(*tokenizer, "abcab"), "abc|a|b") << "a step on the way; spelled in letters at the end";
  EXPECT_EQ(spellings(*tokenizer, "cdéa"), "c|d|é|a");
  EXPECT_EQ(spellings(*tokenizer, "abx"), "a|b") << "x has no letter, and there is no unknown token";
  EXPECT_CONTAINS(warnings.text(),
                  "test.json: merges[0] joins 'a' and 'b', but the vocabulary has no token 'ab'");
  std::get<BpeSpec>(spec.model).untokened = BpeSpec::Untokened::kRefused;
  test::expect_error(ErrorCode::kBadFile, {"merges[0]", "no token 'ab'"}, [&] { Tokenizer::make(spec); });
}

TEST(BpeModel, NoMergeMakesAControlToken) {
  BpeSpec bpe{.merges = {{"<", "s"}, {"<s", ">"}}};
  bpe.untokened = BpeSpec::Untokened::kJoined;
  const auto tokenizer =
      Tokenizer::make(spec_of({token("<"), token("s"), token(">"), token("<s>", TokenKind::kControl)}, bpe));
  EXPECT_EQ(spellings(*tokenizer, "<s>"), "<|s|>");
}

}  // namespace
}  // namespace ferrum
