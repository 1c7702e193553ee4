// Tokenizers with holes, repeated and empty spellings, special tokens that do not exist, and files that
// disagree: a warning that names file and field, and the ids that the tokenizers library gives.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checkpoint/tokenizer/hf_tokenizer.h"
#include "checkpoint/tokenizer/sentencepiece_model.h"
#include "checkpoint/tokenizer/tiktoken_model.h"
#include "checkpoint/tokenizer/tokenizer_config.h"
#include "checkpoint/tokenizer/tokenizer_json.h"
#include "support/contains.h"
#include "support/file_bytes.h"
#include "support/files.h"
#include "support/paths.h"
#include "support/warnings.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::le;
using Ids = std::vector<TokenId>;

json small_bpe() {
  return {{"added_tokens", {{{"id", 3}, {"content", "<s>"}, {"special", true}}}},
          {"decoder", {{"type", "Fuse"}}},
          {"model", {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}}}};
}

TokenizerSpec spec_of(const json& file) { return read_tokenizer_json(file.dump(), "t.json"); }

Ids encode(const Tokenizer& tokenizer, std::string_view text) { return tokenizer.encode({text, true}); }

TEST(TokenizerDisagreements, HolesInTheVocabulary) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["model"]["vocab"]["ab"] = 9;
  const auto tokenizer = Tokenizer::make(spec_of(file));
  EXPECT_EQ(encode(*tokenizer, "ab<s>a"), (Ids{9, 3, 0})) << "the added token fills the first hole";
  EXPECT_EQ(tokenizer->size(), 10);
  EXPECT_EQ(tokenizer->decode(Ids{9, 5, 0}), "aba");
  EXPECT_EQ(tokenizer->find(""), std::nullopt);
  EXPECT_CONTAINS(warnings.text(), "t.json: model.vocab has no token for 7 of the ids 0 to 9");
}

TEST(TokenizerDisagreements, TwoTokensWithOneId) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["model"]["vocab"]["b"] = 0;
  const auto tokenizer = Tokenizer::make(spec_of(file));
  EXPECT_EQ(encode(*tokenizer, "b"), Ids{0});
  EXPECT_CONTAINS(warnings.text(), "t.json: model.vocab gives the id 0 to both 'a' and 'b'");
}

TEST(TokenizerDisagreements, AnAddedTokenInThePlaceOfAnother) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["model"]["vocab"] = {{"a", 0}, {"b", 1}, {"ab", 3}};
  const auto tokenizer = Tokenizer::make(spec_of(file));
  EXPECT_EQ(encode(*tokenizer, "ab<s>"), (Ids{3, 3}));
  EXPECT_EQ(tokenizer->decode(Ids{3}, true), "<s>");
  EXPECT_CONTAINS(warnings.text(), "the id 3 is that of 'ab'");
}

TEST(TokenizerDisagreements, IdsOfAddedTokensAreTheVocabularys) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["added_tokens"] = {{{"id", 1'000'000'000}, {"content", "<s>"}, {"special", true}},
                          {{"id", 7}, {"content", "ab"}, {"special", false}},
                          {{"id", 8}, {"content", ""}, {"special", false}},
                          {{"id", 3}, {"content", "<s>"}, {"special", true}, {"lstrip", true}}};
  const auto tokenizer = Tokenizer::make(spec_of(file));
  EXPECT_EQ(tokenizer->size(), 4);
  EXPECT_EQ(encode(*tokenizer, "ab  <s>"), (Ids{2, 3})) << "what is said last counts";
  EXPECT_CONTAINS(warnings.text(), "t.json: added_tokens[0] gives '<s>' the id 1000000000");
  EXPECT_CONTAINS(warnings.text(),
                  "t.json: added_tokens[1] gives 'ab' the id 7, but the vocabulary has it at 2");
  EXPECT_CONTAINS(warnings.text(), "t.json: added_tokens[2].content is empty");
}

TEST(TokenizerDisagreements, UnknownAndSurroundingTokensThatAreNone) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["model"]["unk_token"] = "[UNK]";
  file["model"]["dropout"] = 0.5;
  file["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"</s>", 77}}, {"cls", {"<s>", 3}}};
  const auto tokenizer = Tokenizer::make(spec_of(file));
  EXPECT_EQ(encode(*tokenizer, "azb"), (Ids{3, 2})) << "as the library, which joins over what it leaves out";
  EXPECT_CONTAINS(warnings.text(), "t.json: model.unk_token is '[UNK]', which is no token");
  EXPECT_CONTAINS(warnings.text(), "t.json: model.dropout is for training");
  EXPECT_CONTAINS(warnings.text(),
                  "t.json: a token after every text is 77, past the 4 tokens of model.vocab");

  const json unigram = json::parse(R"({"model": {
    "type": "Unigram", "unk_id": -1, "vocab": [["a", -1.0], ["b", -2.0], ["a", -3.0], ["", -3.0]]}})");
  const auto pieces = Tokenizer::make(spec_of(unigram));
  EXPECT_EQ(encode(*pieces, "ab"), (Ids{2, 1}));
  EXPECT_EQ(pieces->spelling(0), "a");
  EXPECT_CONTAINS(warnings.text(), "t.json: model.unk_id is -1");
  EXPECT_CONTAINS(warnings.text(), "t.json: model.vocab has the token 'a' twice, as 0 and as 2");
}

// "6" + "x" + "xx" and "6" + "xx" + "x" have the same score but for the last bit, which is that of the
// library: it does not read numbers of that many digits as the nearest double.
TEST(TokenizerDisagreements, ScoresAreReadAsTheLibraryReadsThem) {
  const auto tokenizer =
      Tokenizer::make(read_tokenizer_json(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [
      ["<unk>", 0.0], ["6", -9.504943025416777], ["x", -7.694033519259856], ["xx", -6.577828419655842]]}})",
                                          "t.json"));
  EXPECT_EQ(encode(*tokenizer, "6xxx"), (Ids{1, 3, 2}));
}

TEST(TokenizerDisagreements, TheConfigurationAgainstTokenizerJson) {
  const test::LoggedWarnings warnings;
  TokenizerSpec spec = spec_of(small_bpe());
  apply_tokenizer_config(R"({
    "added_tokens_decoder": {"0": {"content": "x"}, "1": {"content": "<s>", "special": true},
                             "9": {"content": "<t>", "special": true}, "-1": {"content": "ab"}},
    "bos_token": "<s>", "eos_token": false, "unk_token": {"lstrip": true}, "pad_token": "<nowhere>",
    "add_bos_token": "yes", "additional_special_tokens": ["ab", 5], "extra_special_tokens": 3})",
                         "c.json", spec);
  const auto tokenizer = Tokenizer::make(std::move(spec));
  EXPECT_EQ(encode(*tokenizer, "a<s>ab<t>x"), (Ids{0, 3, 2, 4}));
  EXPECT_EQ(tokenizer->special().bos, 3);
  EXPECT_EQ(tokenizer->special().eos, std::nullopt);
  const std::string text = warnings.text();
  EXPECT_CONTAINS(text, "c.json: added_tokens_decoder.0 gives 'x' the id 0, but t.json has 'a' there");
  EXPECT_CONTAINS(text,
                  "c.json: added_tokens_decoder.1 gives '<s>' the id 1, but the vocabulary has it at 3");
  EXPECT_CONTAINS(text, "c.json: added_tokens_decoder.9 gives '<t>' the id 9, but the next free one is 4");
  EXPECT_CONTAINS(text, "c.json: eos_token is boolean");
  EXPECT_CONTAINS(text, "c.json: unk_token is object");
  EXPECT_CONTAINS(text, "c.json: pad_token is '<nowhere>', which is no token");
  EXPECT_CONTAINS(text, "c.json: add_bos_token is string");
  EXPECT_CONTAINS(text, "c.json: additional_special_tokens[1] is number");
  EXPECT_CONTAINS(text, "c.json: extra_special_tokens is no list");
}

TEST(TokenizerDisagreements, TwoFilesThatNameAnotherEndOfText) {
  const test::LoggedWarnings warnings;
  TokenizerSpec spec = spec_of(small_bpe());
  apply_tokenizer_config(R"({"eos_token": "<s>"})", "c.json", spec);
  apply_special_tokens_map(R"({"eos_token": {"content": "ab", "lstrip": false}})", "m.json", spec);
  EXPECT_EQ(spec.special.eos, 2);
  EXPECT_CONTAINS(warnings.text(), "m.json: eos_token is 'ab', where another file names '<s>'");
}

// As transformers 5: what names a special token makes it special and leaves its flags as tokenizer.json has
// them; the flags of other tokens are the configuration's.
TEST(TokenizerDisagreements, FlagsOfTokensThatTokenizerJsonHas) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["added_tokens"] = {{{"id", 3}, {"content", "<s>"}, {"special", true}},
                          {{"id", 4}, {"content", "<t>"}, {"special", false}},
                          {{"id", 5}, {"content", "<u>"}, {"special", false}}};
  TokenizerSpec spec = spec_of(file);
  apply_tokenizer_config(R"({"eos_token": "<s>", "pad_token": "<u>", "added_tokens_decoder": {
    "3": {"content": "<s>", "lstrip": true, "special": false},
    "4": {"content": "<t>", "lstrip": true, "special": true, "normalized": true},
    "5": {"content": "<u>", "special": true, "normalized": true}}})",
                         "c.json", spec);
  const auto tokenizer = Tokenizer::make(std::move(spec));
  EXPECT_EQ(encode(*tokenizer, "a<s>b"), (Ids{0, 3, 1}));
  EXPECT_EQ(tokenizer->decode(Ids{0, 3, 4, 5, 1}), "ab");
  const std::string text = warnings.text();
  EXPECT_CONTAINS(text,
                  "c.json: added_tokens_decoder.3 gives '<s>' other flags than t.json, whose flags count");
  EXPECT_CONTAINS(text, "c.json: added_tokens_decoder.4 gives '<t>' other flags than t.json, and they count");
  EXPECT_EQ(text.find("decoder.5"), std::string::npos) << text;
}

TEST(TokenizerDisagreements, WhatATextGetsIsTokenizerJsons) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  file["model"]["vocab"]["Ġ"] = 4;
  const auto with = [&](const char* name, const json& config) {
    TokenizerSpec spec = spec_of(file);
    apply_tokenizer_config(config.dump(), name, spec);
    return encode(*Tokenizer::make(std::move(spec)), "ab");
  };
  EXPECT_EQ(with("a.json", {{"add_bos_token", true}, {"bos_token", "<s>"}}), Ids{2});
  EXPECT_EQ(with("b.json", {{"add_bos_token", false}, {"bos_token", "<s>"}}), Ids{2});
  EXPECT_EQ(with("c.json", {{"add_prefix_space", true}, {"tokenizer_class", "Qwen2TokenizerFast"}}),
            (Ids{4, 2}));
  EXPECT_EQ(with("d.json", {{"add_prefix_space", true}, {"tokenizer_class", "PreTrainedTokenizerFast"}}),
            Ids{2});
  const std::string text = warnings.text();
  EXPECT_CONTAINS(text, "a.json: add_bos_token is true, but a text does not get it according to t.json");
  EXPECT_EQ(text.find("b.json"), std::string::npos) << text;
  EXPECT_CONTAINS(text, "c.json: add_prefix_space is true, but t.json says false, which does not count");
  EXPECT_CONTAINS(text, "d.json: add_prefix_space is true, but t.json says false, which counts");
}

TEST(TokenizerDisagreements, AddedTokensThatTheModelHasNoRowFor) {
  const test::LoggedWarnings warnings;
  const test::TemporaryFolder folder;
  json file = small_bpe();
  file["added_tokens"].push_back({{"id", 4}, {"content", "<new>"}, {"special", true}});
  folder.write("tokenizer.json", file.dump());
  folder.write("tokenizer_config.json", R"({"pad_token": "<new>"})");
  const auto tokenizer = load_hf_tokenizer(folder.path(), 4);
  EXPECT_EQ(tokenizer->size(), 4);
  EXPECT_EQ(tokenizer->special().pad, std::nullopt);
  EXPECT_EQ(encode(*tokenizer, "a<s>b<new>"), (Ids{0, 3, 1}));
  EXPECT_CONTAINS(warnings.text(), "5 tokens, but the model has 4: added ones from '<new>' on are left out");
  EXPECT_EQ(load_hf_tokenizer(folder.path(), 2)->size(), 5) << "another model's vocabulary stays as it is";
}

TEST(TokenizerDisagreements, EmptySpellings) {
  const test::LoggedWarnings warnings;
  json file = small_bpe();
  file["model"]["vocab"][""] = 3;
  EXPECT_EQ(encode(*Tokenizer::make(spec_of(file)), "ab"), Ids{2});
  EXPECT_CONTAINS(warnings.text(), "t.json: model.vocab has a token without a spelling, 3");
}

// transformers does not read the map where the configuration lists the added tokens.
TEST(TokenizerDisagreements, AnEmptyMapBesideAConfigurationThatSaysAll) {
  const test::TemporaryFolder folder;
  folder.write("tokenizer.json", small_bpe().dump());
  folder.write("special_tokens_map.json", "");
  folder.write("tokenizer_config.json", R"({"eos_token": "<s>", "added_tokens_decoder": {"3": {
    "content": "<s>", "special": true}}})");
  EXPECT_EQ(load_hf_tokenizer(folder.path())->special().eos, 3);
  folder.write("special_tokens_map.json", "[]");
  EXPECT_EQ(load_hf_tokenizer(folder.path())->special().eos, 3);
}

std::string sentencepiece_piece(std::string_view spelling, float score, char type) {
  std::string message = "\x0A" + std::string(1, static_cast<char>(spelling.size())) + std::string(spelling);
  message += "\x15" + le(score) + "\x18" + type;
  return "\x0A" + std::string(1, static_cast<char>(message.size())) + message;
}

TEST(TokenizerDisagreements, RepeatedAndEmptyPieces) {
  const test::LoggedWarnings warnings;
  const std::string pieces = sentencepiece_piece("<unk>", 0, 2) + sentencepiece_piece("a", -1, 1) +
                             sentencepiece_piece("", -1, 1) + sentencepiece_piece("a", -1, 1) +
                             sentencepiece_piece("", -1, 1);
  const auto tokenizer = Tokenizer::make(read_sentencepiece_model(pieces, "t.model"));
  EXPECT_EQ(tokenizer->size(), 5);
  EXPECT_EQ(tokenizer->find("a"), 1);
  EXPECT_CONTAINS(warnings.text(), "t.model: pieces[2].piece is empty");
  EXPECT_CONTAINS(warnings.text(), "t.model: pieces has the token 'a' twice, as 1 and as 3");

  const auto ranks = Tokenizer::make(read_tiktoken_model("YQ== 0\nYQ== 1\n", "r.model"));
  EXPECT_EQ(encode(*ranks, "a"), Ids{0});
  EXPECT_CONTAINS(warnings.text(), "r.model: the list of tokens has the token 'a' twice, as 0 and as 1");
}

// The files of public reports, with the ids that are right.
struct Report {
  const char* folder;  // under shared/cases/tok
  const char* text;
  Ids ids;
  const char* warning;  // a part of it; empty: none
};

class ReportedTokenizers : public testing::TestWithParam<Report> {};

TEST_P(ReportedTokenizers, AreRead) {
  const std::string folder = std::string("cases/tok/") + GetParam().folder;
  FERRUM_NEEDS_SHARED(folder);
  const test::LoggedWarnings warnings;
  const auto tokenizer = load_hf_tokenizer(test::shared(folder));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(encode(*tokenizer, GetParam().text), GetParam().ids);
  if (*GetParam().warning != '\0')
    EXPECT_CONTAINS(warnings.text(), GetParam().warning);
  else
    EXPECT_EQ(warnings.text(), "");
}

INSTANTIATE_TEST_SUITE_P(
    , ReportedTokenizers,
    testing::Values(
        Report{"spm_added", "<|im_start|>user", {1, 32001, 1404}, ""},
        Report{"vocab_hole2", "Hello world", {4300, 1235}, "model.vocab has no token for 214 of the ids"},
        Report{
            "added_wrong_id", "<|im_start|>user", {4088, 435}, "added_tokens[1] gives '<|im_start|>' the id"},
        Report{"unk_missing_token", "Hello world", {1011, 1235}, "model.unk_token is '<unk>'"},
        Report{"cfg_bool_eos", "<|im_start|>user", {4088, 435}, "unk_token is boolean"},
        Report{"cfg_renamed_token", "Hello<tool_call>", {1011, 4090}, "added_tokens_decoder.4090"},
        Report{"vocab_merges", "<|im_start|>Hello world 12", {4088, 1011, 1235, 220, 16, 17}, ""},
        Report{"fixedlength_pre", "Hello world 12", {1011, 592, 75, 67, 220, 16, 17}, ""},
        Report{"unicodescripts_pre",
               "日本語 text! ab",
               {162, 245, 98, 162, 250, 105, 164, 103, 252, 220, 953, 652, 0, 220, 3011},
               ""}),
    [](const auto& info) { return std::string(info.param.folder); });

}  // namespace
}  // namespace ferrum
