// Requests as real clients send them (../shared/clients): answered, but for images.
#include <gtest/gtest.h>

#include <set>

#include "server/recorded_requests.h"
#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

// Whether the field is an image.
bool may_be_refused(const json& body, const std::string& param) {
  if (!param.starts_with("messages[") || !body.contains("messages")) return false;
  const json& message = body["messages"].at(std::stoul(param.substr(9)));
  if (!param.ends_with(".type")) return false;
  return message["content"].dump().find("\"image_url\"") != std::string::npos;
}

TEST(RecordedClients, AreAnsweredOrRefusedByName) {
  FERRUM_NEEDS_SHARED("clients");
  const std::set<std::string> served_paths = {"/v1/chat/completions", "/v1/completions", "/tokenize",
                                              "/detokenize",          "/v1/embeddings",  "/v1/rerank"};
  Served served, embeds, ranks;
  embeds.engine->set_texts({.kind = TextUse::Kind::kEmbeddings, .dimensions = 1024, .most_tokens = 512});
  ranks.engine->set_texts({.kind = TextUse::Kind::kScores, .dimensions = 1, .most_tokens = 512});
  Client client = served.client(), embedding_client = embeds.client(), ranking_client = ranks.client();
  const auto client_of = [&](const std::string& path) -> Client& {
    if (path == "/v1/embeddings") return embedding_client;
    return path == "/v1/rerank" ? ranking_client : client;
  };
  int answered = 0;
  int refused = 0;
  for (const auto& [file, path, body] : test::recorded_requests()) {
    SCOPED_TRACE(file.string());
    const Reply reply = served_paths.contains(path) || path.starts_with("/api/")
                            ? client_of(path).post(path, body.dump())
                            : Reply{};
    if (served_paths.contains(path)) {
      if (reply.status == 200) {
        ++answered;
        continue;
      }
      ++refused;
      EXPECT_EQ(reply.status, 400) << reply.body;
      const json param = reply.json()["error"]["param"];
      ASSERT_TRUE(param.is_string()) << reply.body;
      EXPECT_TRUE(may_be_refused(body, param)) << reply.body;
    } else if (reply.status != 0) {
      EXPECT_EQ(reply.status, 404);
      EXPECT_EQ(reply.json()["error"]["code"], "not_found") << reply.body;
    }
  }
  EXPECT_GE(answered, 55);
  EXPECT_LE(refused, 2);
}

}  // namespace
}  // namespace ferrum
