// Tokenizer files with mistakes: the field is named (fault B21).
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/gguf/gguf_tokenizer.h"
#include "checkpoint/tokenizer/sentencepiece_model.h"
#include "checkpoint/tokenizer/tiktoken_model.h"
#include "checkpoint/tokenizer/tokenizer_config.h"
#include "checkpoint/tokenizer/tokenizer_json.h"
#include "support/contains.h"
#include "support/errors.h"
#include "support/file_bytes.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::expect_error;
using test::GgufBytes;
using test::le;
using Words = std::initializer_list<std::string_view>;

// tokenizer.json
// -----------------------------------------------------------------------------------------------------------

json small_bpe() {
  return {{"added_tokens", {{{"id", 3}, {"content", "<s>"}, {"special", true}}}},
          {"pre_tokenizer", {{"type", "ByteLevel"}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
}

void expect_bad_json(const json& file, Words words, ErrorCode code = ErrorCode::kBadFile) {
  expect_error(code, words, [&] { Tokenizer::make(read_tokenizer_json(file.dump(), "t.json")); });
}

TEST(TokenizerFaults, TheSmallFilesAreGood) {
  EXPECT_EQ(Tokenizer::make(read_tokenizer_json(small_bpe().dump(), "t.json"))->size(), 4);
}

TEST(TokenizerFaults, B21_JsonIdsThatAreNone) {
  json file = small_bpe();
  file["model"]["vocab"]["ab"] = -1;
  expect_bad_json(file, {"t.json", "model.vocab['ab']"});
  file["model"]["vocab"]["ab"] = "two";
  expect_bad_json(file, {"t.json", "model.vocab['ab']"});
  file["model"]["vocab"]["ab"] = 1'000'000'000;
  expect_bad_json(file,
                  {"t.json", "model.vocab", "'ab'", "1000000000", "at most 1000000 ids may be missing"});
  file["model"]["vocab"] = json::object();
  file["model"]["merges"] = json::array();
  file["added_tokens"] = json::array();
  expect_bad_json(file, {"t.json", "model.vocab has no tokens"});
}

TEST(TokenizerFaults, B21_JsonUnknownMerges) {
  json file = small_bpe();
  file["model"]["merges"] = {"a b", "b c"};
  expect_bad_json(file, {"t.json", "model.merges[1]", "'b'", "'c'", "no token"});
  file["model"]["merges"] = json::array({json::array({"b", "a"})});
  expect_bad_json(file, {"model.merges[0]", "no token 'ba'"});
  file["model"]["merges"] = json::array({"ab"});
  expect_bad_json(file, {"model.merges[0]", "'ab'", "two tokens"});
  file["model"]["merges"] = json::array({json::array({"a", "b", "c"})});
  expect_bad_json(file, {"model.merges[0]", "neither a string nor two tokens"});
  file["model"].erase("merges");
  expect_bad_json(file, {"t.json", "'merges'"});
}

TEST(TokenizerFaults, B21_JsonWhatFerrumDoesNotKnow) {
  json file = small_bpe();
  file["model"]["type"] = "Marvel";
  expect_bad_json(file, {"t.json", "model.type", "'Marvel'"}, ErrorCode::kUnsupported);
  file = small_bpe();
  file["pre_tokenizer"]["type"] = "Scissors";
  expect_bad_json(file, {"t.json", "pre_tokenizer", "'Scissors'"}, ErrorCode::kUnsupported);
  file = small_bpe();
  file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
  expect_bad_json(file, {"t.json: pre_tokenizer", "'(a' does not compile"}, ErrorCode::kUnsupported);
  expect_error(ErrorCode::kBadFile, {"t.json", "byte 2"}, [] { read_tokenizer_json("{", "t.json"); });
  expect_error(ErrorCode::kBadFile, {"t.json", "model"}, [] { read_tokenizer_json("{}", "t.json"); });
}

TEST(TokenizerFaults, B21_ConfigThatIsNone) {
  const auto apply = [](const char* text) {
    TokenizerSpec spec = read_tokenizer_json(small_bpe().dump(), "t.json");
    apply_tokenizer_config(text, "c.json", spec);
  };
  expect_error(ErrorCode::kBadFile, {"c.json", "added_tokens_decoder.x", "no id"},
               [&] { apply(R"({"added_tokens_decoder": {"x": {"content": "x"}}})"); });
  expect_error(ErrorCode::kBadFile, {"c.json", "added_tokens_decoder"},
               [&] { apply(R"({"added_tokens_decoder": 5})"); });
  expect_error(ErrorCode::kBadFile, {"c.json", "byte 2"}, [&] { apply("{"); });
}

// Vocabularies
// -----------------------------------------------------------------------------------------------------------

TEST(TokenizerFaults, N11_SpellingsThatAreNearlyBytes) {
  json file = {{"decoder", {{"type", "ByteFallback"}}},
               {"model",
                {{"type", "BPE"},
                 {"byte_fallback", true},
                 {"unk_token", "<unk>"},
                 {"vocab", {{"<unk>", 0}, {"<0x-1>", 1}, {"<0xZZ>", 2}, {"<0x4>", 3}, {"<0x41>", 4}}},
                 {"merges", json::array()}}}};
  const auto tokenizer = Tokenizer::make(read_tokenizer_json(file.dump(), "t.json"));
  EXPECT_EQ(tokenizer->encode({"AB", true}), (std::vector<TokenId>{4, 0}));
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{1, 2, 3, 4}), "<0x-1><0xZZ><0x4>A");
}

TEST(TokenizerFaults, N11_CharsmapsThatPointAnywhere) {
  // A trie of one unit whose children lie far beyond it, and one that does not fit into the file.
  const auto with = [](const char* base64) {
    json file = {{"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", base64}}},
                 {"model", {{"type", "WordLevel"}, {"unk_token", "u"}, {"vocab", {{"u", 0}, {"a", 1}}}}}};
    return Tokenizer::make(read_tokenizer_json(file.dump(), "t.json"))->encode({"a", true});
  };
  EXPECT_EQ(with("BAAAAP///38="), std::vector<TokenId>{1});
  EXPECT_EQ(with("BAAAAP////8="), std::vector<TokenId>{1});
  expect_error(ErrorCode::kBadFile, {"t.json", "charsmap"}, [&] { with("////fwAAAAA="); });
  expect_error(ErrorCode::kBadFile, {"t.json", "charsmap"}, [&] { with("BA=="); });
  expect_error(ErrorCode::kBadFile, {"t.json", "not base64"}, [&] { with("!"); });
}

TEST(TokenizerFaults, N11_ScoresThatAreNoNumbers) {
  for (const char* score : {"NaN", "null", "\"1\"", "1e999"}) {
    const std::string file = R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["u", 0], ["a", )" +
                             std::string(score) + "]]}}";
    expect_error(ErrorCode::kBadFile, {"t.json"}, [&] { read_tokenizer_json(file, "t.json"); });
  }
}

TEST(TokenizerFaults, N17_NulAndBrokenUtf8AreKept) {
  json vocab;
  for (int b = 0; b < 256; ++b) vocab[fmt::format("<0x{:02X}>", b)] = b;
  const json file = {
      {"decoder", {{"type", "ByteFallback"}}},
      {"model", {{"type", "BPE"}, {"byte_fallback", true}, {"vocab", vocab}, {"merges", json::array()}}}};
  const auto tokenizer = Tokenizer::make(read_tokenizer_json(file.dump(), "t.json"));
  using namespace std::string_view_literals;
  EXPECT_EQ(tokenizer->encode({"a\0b\xFF\xC3"sv, true}), (std::vector<TokenId>{'a', 0, 'b', 0xFF, 0xC3}));
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{'a', 0, 'b'}), "a\0b"sv);
}

// GGUF
// -----------------------------------------------------------------------------------------------------------

struct SmallGgufTokenizer {
  std::string model = "llama";
  std::vector<std::string> tokens = {"<unk>", "<s>", "a", "b", "ab"};
  std::vector<float> scores = {0, 0, -1, -2, -3};
  std::vector<int32_t> types = {2, 3, 1, 1, 1};
  std::vector<std::string> merges;
  uint32_t bos = 1;
  uint32_t mask = 0;

  void load() const {
    GgufBytes bytes;
    bytes.string("general.architecture", "llama").string("tokenizer.ggml.model", model);
    bytes.strings("tokenizer.ggml.tokens", tokens).array("tokenizer.ggml.scores", test::gguf::kF32, scores);
    bytes.array("tokenizer.ggml.token_type", test::gguf::kI32, types);
    if (!merges.empty()) bytes.strings("tokenizer.ggml.merges", merges);
    bytes.u32("tokenizer.ggml.bos_token_id", bos).u32("tokenizer.ggml.mask_token_id", mask);
    const std::string file = bytes.build();
    load_gguf_tokenizer(GgufFile::parse(test::as_bytes(file), "t.gguf")->metadata());
  }
};

void expect_bad_gguf(const SmallGgufTokenizer& file, Words words, ErrorCode code = ErrorCode::kBadFile) {
  expect_error(code, words, [&] { file.load(); });
}

TEST(TokenizerFaults, B21_GgufListsThatDoNotFit) {
  SmallGgufTokenizer().load();
  SmallGgufTokenizer file;
  file.scores.pop_back();
  expect_bad_gguf(file, {"t.gguf", "tokenizer.ggml.scores has 4 elements", "tokenizer.ggml.tokens has 5"});
  file = {};
  file.types[2] = 7;
  expect_bad_gguf(file, {"tokenizer.ggml.token_type[2] is 7"});
  file.types[2] = -1;
  expect_bad_gguf(file, {"tokenizer.ggml.token_type[2] is -1"});
  file = {};
  file.scores[3] = std::numeric_limits<float>::quiet_NaN();
  expect_bad_gguf(file, {"tokenizer.ggml.scores[3]"});
  file = {};
  file.model = "crystal";
  expect_bad_gguf(file, {"tokenizer.ggml.model", "'crystal'"}, ErrorCode::kUnsupported);
}

std::string warnings_of(const SmallGgufTokenizer& file) {
  const log::Recorder recorder;
  file.load();
  return fmt::format("{}", fmt::join(recorder.warnings(), "\n"));
}

TEST(TokenizerFaults, N11_GgufListsOfAnotherLengthThatAreNoHindrance) {
  EXPECT_EQ(warnings_of({}), "");
  SmallGgufTokenizer file;
  file.types.push_back(1);
  EXPECT_CONTAINS(warnings_of(file), "t.gguf: tokenizer.ggml.token_type has 6 elements");
  file = {};
  file.types.resize(2);
  EXPECT_CONTAINS(warnings_of(file), "tokenizer.ggml.token_type has 2 elements");
  file = {};
  file.scores.push_back(1);
  EXPECT_CONTAINS(warnings_of(file), "tokenizer.ggml.scores has 6 elements");
  file = {};
  file.model = "gpt2";  // which has no use for scores
  file.merges = {"a b"};
  file.scores = {std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(warnings_of(file).find("scores"), std::string::npos);
}

TEST(TokenizerFaults, N11_GgufSpecialIdsThatNameNoToken) {
  for (const uint32_t id : {5U, 1'000'000'000U, 0xFFFFFFFFU}) {
    SmallGgufTokenizer file;
    file.bos = id;
    EXPECT_CONTAINS(warnings_of(file),
                    fmt::format("t.gguf: tokenizer.ggml.bos_token_id is {}, which names none of the 5", id));
  }
}

TEST(TokenizerFaults, EmptySpellingsAndOtherSpecialIdsInGguf) {
  SmallGgufTokenizer file;
  file.tokens[3] = "";
  EXPECT_CONTAINS(warnings_of(file), "t.gguf: tokenizer.ggml.tokens[3] is empty, as are 0 others");
  file = {};
  file.mask = 9;
  EXPECT_CONTAINS(warnings_of(file), "t.gguf: tokenizer.ggml.mask_token_id is 9, which names none of the 5");
}

TEST(TokenizerFaults, B21_GgufUnknownMerges) {
  SmallGgufTokenizer file;
  file.model = "gpt2";
  file.merges = {"a b"};
  file.load();
  file.merges = {"a b", "b z"};
  EXPECT_CONTAINS(warnings_of(file),
                  "t.gguf: tokenizer.ggml.merges[1] joins 'b' and 'z', but the vocabulary has no token 'z'");
  file.merges = {"ab"};
  expect_bad_gguf(file, {"tokenizer.ggml.merges[0]", "'ab'"});
}

// tokenizer.model
// -----------------------------------------------------------------------------------------------------------

std::string sentencepiece_piece(std::string_view spelling, float score, char type) {
  std::string message = "\x0A" + std::string(1, static_cast<char>(spelling.size())) + std::string(spelling);
  message += "\x15" + le(score) + "\x18" + type;
  return "\x0A" + std::string(1, static_cast<char>(message.size())) + message;
}

TEST(TokenizerFaults, B21_SentencePiece) {
  const auto expect_bad = [](const std::string& bytes, Words words, ErrorCode code = ErrorCode::kBadFile) {
    expect_error(code, words, [&] { Tokenizer::make(read_sentencepiece_model(bytes, "t.model")); });
  };
  const std::string good = sentencepiece_piece("<unk>", 0, 2) + sentencepiece_piece("a", -1, 1);
  EXPECT_EQ(Tokenizer::make(read_sentencepiece_model(good, "t.model"))->size(), 2);
  expect_bad(good + sentencepiece_piece("b", -1, 7), {"t.model", "pieces[2].type is 7"});
  expect_bad(good + sentencepiece_piece("b", std::numeric_limits<float>::infinity(), 1),
             {"t.model", "pieces[2].score"});
  expect_bad(good.substr(0, good.size() - 1), {"t.model", "only"});
  expect_bad(good + "\x12\x02\x18\x03", {"t.model", "model_type is 3"}, ErrorCode::kUnsupported);
  expect_bad("", {"t.model", "no tokens"});
}

TEST(TokenizerFaults, B21_Tiktoken) {
  const auto expect_bad = [](std::string_view text, Words words) {
    expect_error(ErrorCode::kBadFile, words, [&] { Tokenizer::make(read_tiktoken_model(text, "t.model")); });
  };
  expect_bad("YQ== 0\nYg== 2\n", {"t.model", "line 2", "rank 2, expected 1", "no holes"});
  expect_bad("YQ== 0\n!!!! 1\n", {"t.model", "line 2", "'!!!! 1'"});
  expect_bad("YQ==\n", {"t.model", "line 1", "'YQ=='"});
}

}  // namespace
}  // namespace ferrum
