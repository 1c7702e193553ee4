// Embeddings, rerankers and hidden states over HTTP, in the shapes of OpenAI, Jina, Cohere, vLLM and
// llama-server.
#include <cstring>

#include "base/base64.h"
#include "server/openai_fixture.h"

namespace ferrum::test {
namespace {

using nlohmann::json;

class Texts : public OpenAi {
 protected:
  // An engine that makes embeddings, or scores.
  void embeds() {
    served_.engine->set_texts({.kind = TextUse::Kind::kEmbeddings,
                               .dimensions = 3,
                               .labels = {},
                               .prompts = {"query", "document"},
                               .most_tokens = 64,
                               .reads_instructions = false});
  }
  void ranks(bool reads_instructions = false) {
    served_.engine->set_texts({.kind = TextUse::Kind::kScores,
                               .dimensions = 1,
                               .labels = {"LABEL_0"},
                               .prompts = {},
                               .most_tokens = 64,
                               .reads_instructions = reads_instructions});
  }
  json ok(const std::string& path, json body) {
    body["model"] = "fake";
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << body << reply.body;
    return reply.json();
  }
  void refused(const std::string& path, json body, const std::string& param, const std::string& words) {
    body["model"] = "fake";
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 400) << body << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param) << body;
    EXPECT_CONTAINS(reply.error(), words);
  }
  TextRequest asked_texts() { return served_.engine->text_request(); }
};

TEST_F(Texts, EmbeddingsOfAStringAndOfLists) {
  embeds();
  const json one = ok("/v1/embeddings", {{"input", "hello"}});
  EXPECT_EQ(one["object"], "list");
  EXPECT_EQ(one["model"], "fake");
  EXPECT_EQ(one["data"], json::parse(R"([{"object": "embedding", "index": 0, "embedding": [0, 5, 0.1]}])"));
  EXPECT_EQ(one["usage"], json::parse(R"({"prompt_tokens": 1, "total_tokens": 1})"));
  const json two = ok("/v1/embeddings", {{"input", {"ab", "c"}}});
  EXPECT_EQ(two["data"][1]["embedding"], json::parse("[1, 1, 0.1]")) << "in the order of the texts";
  ok("/v1/embeddings", {{"input", {1, 2, 3}}});
  EXPECT_EQ(std::get<TokenPrompt>(asked_texts().texts.at(0)).ids, (std::vector<int32_t>{1, 2, 3}));
  ok("/v1/embeddings", {{"input", {{1, 2}, {3}}}});
  EXPECT_EQ(asked_texts().texts.size(), 2U);
}

TEST_F(Texts, Base64IsFloat32) {
  embeds();
  const json reply = ok("/v1/embeddings", {{"input", "hello"}, {"encoding_format", "base64"}});
  const std::string bytes = *decode_base64(reply["data"][0]["embedding"].get<std::string>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  EXPECT_EQ(values, (std::vector<float>{0, 5, 0.1f}));
}

TEST_F(Texts, WhatEmbeddingsAreAskedFor) {
  embeds();
  ok("/v1/embeddings", {{"input", "a"}, {"dimensions", 2}, {"prompt_name", "query"}, {"user", "me"}});
  EXPECT_EQ(asked_texts().dimensions, 2);
  EXPECT_EQ(asked_texts().prompt_name, "query");
  EXPECT_EQ(asked_texts().too_long, TextRequest::TooLong::kRefused) << "truncation only on request";
  ok("/v1/embeddings", {{"input", "a"}, {"truncate_prompt_tokens", 10}, {"input_type", "document"}});
  EXPECT_EQ(asked_texts().most_tokens, 10);
  EXPECT_EQ(asked_texts().too_long, TextRequest::TooLong::kCut);
  EXPECT_EQ(asked_texts().prompt_name, "document");
  ok("/v1/embeddings", {{"input", "a"}, {"truncate", true}, {"normalize", false}});
  EXPECT_EQ(asked_texts().too_long, TextRequest::TooLong::kCut);
  EXPECT_EQ(asked_texts().normalize, TextRequest::Normalize::kNever);
  const json rows = ok("/v1/embeddings", {{"input", "a"}, {"pooling", "none"}});
  EXPECT_EQ(rows["data"][0]["embedding"], json::parse("[[1, 0.5], [3, 4]]"));
}

TEST_F(Texts, B41_FieldsOutOfRangeAreNamed) {
  embeds();
  const std::string path = "/v1/embeddings";
  refused(path, {{"input", "a"}, {"dimensions", 4}}, "dimensions", "from 1 to 3");
  refused(path, {{"input", "a"}, {"dimensions", 0}}, "dimensions", "from 1 to 3");
  refused(path, {{"input", ""}}, "input", "empty");
  refused(path, {{"input", json::array()}}, "input", "empty");
  refused(path, {{"input", {"a", ""}}}, "input[1]", "empty");
  refused(path, {{"input", {json::array({1}), json::array()}}}, "input[1]", "empty");
  refused(path, {{"input", {"a", 1.5}}}, "input[1]", "string");
  refused(path, {{"input", 5}}, "input", "string");
  refused(path, json::object(), "input", "missing");
  refused(path, {{"input", "a"}, {"encoding_format", "int8"}}, "encoding_format", "base64");
  refused(path, {{"input", "a"}, {"prompt_name", "no"}}, "prompt_name", "query");
  refused(path, {{"input", "a"}, {"truncate_prompt_tokens", 65}}, "truncate_prompt_tokens", "64");
  refused(path, {{"input", "a"}, {"temperature", 1}}, "temperature", "no field");
  refused(path, {{"input", "a"}, {"stream", true}}, "stream", "not streamed");
}

TEST_F(Texts, N7_OneBudgetForFanOut) {
  embeds();
  refused("/v1/embeddings", {{"input", std::vector<std::string>(2049, "a")}}, "input", "2048");
  EXPECT_EQ(ok("/v1/embeddings", {{"input", std::vector<std::string>(2048, "a")}})["data"].size(), 2048U);
}

TEST_F(Texts, N7_DocumentsAreCountedAsWell) {
  ranks();
  refused("/v1/rerank", {{"query", "q"}, {"documents", std::vector<std::string>(2049, "a")}}, "documents",
          "2048");
}

TEST_F(Texts, LlamaServersShapeIsServedAsWell) {
  embeds();
  EXPECT_EQ(ok("/embedding", {{"content", "hello"}}),
            json::parse(R"([{"index": 0, "embedding": [[0, 5, 0.1]]}])"));
  EXPECT_EQ(ok("/embedding", {{"input", {"a"}}, {"pooling", "none"}})[0]["embedding"],
            json::parse("[[1, 0.5], [3, 4]]"));
  EXPECT_EQ(ok("/embeddings", {{"input", "hello"}})["object"], "list") << "a base URL without /v1";
}

TEST_F(Texts, StatesOfAllTokens) {
  embeds();
  const json reply = ok("/pooling", {{"input", {"a", "b"}}});
  EXPECT_EQ(reply["data"][1],
            json::parse(R"({"object": "pooling", "index": 1, "data": [[1, 0.5], [3, 4]]})"));
  EXPECT_EQ(asked_texts().result, TextRequest::Result::kStates);
}

TEST_F(Texts, JinasAndCoheresRerank) {
  ranks();
  for (const char* path : {"/v1/rerank", "/rerank", "/v2/rerank"}) {
    const json reply = ok(path, {{"query", "q"}, {"documents", {"a", "ccc", "bb"}}, {"top_n", 2}});
    ASSERT_EQ(reply["results"].size(), 2U) << path;
    EXPECT_EQ(reply["results"][0], json::parse(R"({"index": 1, "relevance_score": 3})"));
    EXPECT_EQ(reply["results"][1]["index"], 2);
    EXPECT_EQ(reply["usage"]["total_tokens"], 3);
    EXPECT_EQ(reply["meta"]["billed_units"]["search_units"], 1);
  }
  const json documents =
      ok("/v1/rerank", {{"query", "q"}, {"documents", {{{"text", "a"}}, "bb"}}, {"return_documents", true}});
  EXPECT_EQ(documents["results"][0]["document"]["text"], "bb");
  EXPECT_EQ(std::get<TextPair>(asked_texts().texts.at(0)).first, "q");
  EXPECT_EQ(asked_texts().result, TextRequest::Result::kScores);
}

// Cohere's, of each document by itself; a token is a byte here.
TEST_F(Texts, DocumentsAreCutToTheirTokens) {
  ranks();
  ok("/v2/rerank",
     {{"query", "question"}, {"documents", {"abc", "abcdef", "a\u00e4\u00f6"}}, {"max_tokens_per_doc", 4}});
  const std::vector<TextRequest::Text> texts = asked_texts().texts;
  EXPECT_EQ(std::get<TextPair>(texts.at(0)).first, "question");
  EXPECT_EQ(std::get<TextPair>(texts.at(0)).second, "abc");
  EXPECT_EQ(std::get<TextPair>(texts.at(1)).second, "abcd");
  EXPECT_EQ(std::get<TextPair>(texts.at(2)).second, "a\u00e4") << "whole characters";
  refused("/v2/rerank", {{"query", "q"}, {"documents", {"a"}}, {"max_tokens_per_doc", 0}},
          "max_tokens_per_doc", "from 1");
}

TEST_F(Texts, TextEmbeddingsInferencesRerank) {
  ranks();
  const json reply =
      ok("/rerank", {{"query", "q"}, {"texts", {"a", "bb"}}, {"raw_scores", true}, {"return_text", true}});
  EXPECT_EQ(reply, json::parse(
                       R"([{"index": 1, "score": 2, "text": "bb"}, {"index": 0, "score": 1, "text": "a"}])"));
  EXPECT_EQ(asked_texts().result, TextRequest::Result::kLogits);
}

TEST_F(Texts, ScoresOfPairs) {
  ranks();
  const json one = ok("/v1/score", {{"text_1", "q"}, {"text_2", {"a", "bb"}}});
  EXPECT_EQ(one["data"][1], json::parse(R"({"index": 1, "object": "score", "score": 2})"));
  ok("/v1/score", {{"text_1", {"p", "q"}}, {"text_2", {"a", "bb"}}});
  EXPECT_EQ(std::get<TextPair>(asked_texts().texts.at(1)).first, "q");
  refused("/v1/score", {{"text_1", {"p", "q"}}, {"text_2", {"a", "b", "c"}}}, "text_2", "as many");
}

TEST_F(Texts, B41_FieldsOfRankingsAreNamed) {
  ranks();
  refused("/v1/rerank", {{"documents", {"a"}}}, "query", "missing");
  refused("/v1/rerank", {{"query", "q"}}, "documents", "missing");
  refused("/v1/rerank", {{"query", "q"}, {"documents", json::array()}}, "documents", "empty");
  refused("/v1/rerank", {{"query", "q"}, {"documents", {"a", 5}}}, "documents[1]", "string");
  refused("/v1/rerank", {{"query", "q"}, {"documents", {"a"}}, {"top_n", 0}}, "top_n", "1");
  refused("/v1/rerank", {{"query", "q"}, {"documents", {"a"}}, {"instruction", "judge"}}, "instruction",
          "none");
}

TEST_F(Texts, InstructionsReachAModelThatReadsThem) {
  ranks(true);
  ok("/v1/rerank", {{"query", "q"}, {"documents", {"a"}}, {"instruction", "judge"}});
  EXPECT_EQ(asked_texts().instruction, "judge");
}

TEST_F(Texts, ClassesWithTheirChances) {
  ranks();
  const json reply = ok("/classify", {{"input", {"abc"}}});
  EXPECT_EQ(reply["data"][0],
            json::parse(R"({"index": 0, "label": "LABEL_0", "probs": [3], "num_classes": 1})"));
}

TEST_F(Texts, AModelSaysWhatItDoesAndWhatItDoesNot) {
  refused("/v1/embeddings", {{"input", "a"}}, "model", "generates text, at /v1/chat/completions");
  refused("/v1/rerank", {{"query", "q"}, {"documents", {"a"}}}, "model", "generates text");
  EXPECT_EQ(client_.ask("GET", "/v1/models").json()["data"][0]["capabilities"], json::array({"completion"}));
  embeds();
  refused("/v1/chat/completions", {{"messages", {{{"role", "user"}, {"content", "hi"}}}}}, "model",
          "makes embeddings of texts, at /v1/embeddings");
  refused("/v1/rerank", {{"query", "q"}, {"documents", {"a"}}}, "model", "/v1/embeddings");
  const json listed = client_.ask("GET", "/v1/models").json()["data"][0];
  EXPECT_EQ(listed["capabilities"], json::array({"embedding"}));
  EXPECT_EQ(listed["dimensions"], 3);
}

class PromptVectors : public OpenAi {
 protected:
  // Of a fake engine, whose hidden states are as wide as that.
  void SetUp() override { served_.engine->set_hidden(2); }
};

TEST_F(PromptVectors, TakeThePlaceOfAPrompt) {
  const std::vector<float> numbers = {1, 2, 0.5f, -1};
  const std::string bytes(reinterpret_cast<const char*>(numbers.data()), sizeof(float) * numbers.size());
  const auto vectors = [&](const json& field) {
    const Request request = asked(kText, {{"model", "fake"}, {"prompt_embeds", field}});
    return std::get<MixedPrompt>(request.prompt).parts.at(0).vectors;
  };
  EXPECT_EQ(vectors(encode_base64(bytes)), numbers);
  EXPECT_EQ(vectors({{1, 2}, {0.5, -1}}), numbers);
}

TEST_F(PromptVectors, B38_OthersAreRefusedByName) {
  const auto refused = [&](const json& field, const std::string& words) {
    expect_refused(kText, {{"model", "fake"}, {"prompt_embeds", field}}, "prompt_embeds", words);
  };
  refused("!", "base64");
  refused(encode_base64(std::string(12, 'a')), "rows of 2");
  refused(encode_base64("PK34"), "torch.save");
  refused(json::array(), "base64");
  refused({{1, 2, 3}}, "rows of 2 numbers");
  refused(7, "base64");
  expect_refused(kText,
                 {{"model", "fake"}, {"prompt", "a"}, {"prompt_embeds", encode_base64(std::string(8, 'a'))}},
                 "prompt", "takes its place");
  expect_refused(kChat, chat({{"prompt_embeds", "AAAA"}}), "prompt_embeds", "/v1/completions");
}

}  // namespace
}  // namespace ferrum::test
