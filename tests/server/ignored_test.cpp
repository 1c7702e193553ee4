// Hints in requests: named in a response header, or refused by a strict server.
#include <gtest/gtest.h>

#include "base/log.h"
#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

const char* const kHeader = "x-ferrum-ignored";

std::string body_with(const json& more) {
  json body = {{"model", "fake"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body.dump();
}

TEST(Ignored, HintsAreNamedInAHeader) {
  Served served;
  Client client = served.client();
  for (const bool stream : {false, true}) {
    const Reply reply = client.post("/v1/chat/completions",
                                    body_with({{"store", true}, {"verbosity", "low"}, {"stream", stream}}));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at(kHeader), "store, verbosity");
  }
  const Reply plain = client.post("/v1/chat/completions", body_with({{"store", false}}));
  EXPECT_EQ(plain.status, 200);
  EXPECT_FALSE(plain.headers.contains(kHeader));
}

TEST(Ignored, HintsAreNamedInTheLog) {
  Served served;
  const log::Recorder recorder;
  EXPECT_EQ(served.client().post("/v1/chat/completions", body_with({{"store", true}})).status, 200);
  ASSERT_EQ(recorder.warnings().size(), 1u) << "without any option";
  EXPECT_CONTAINS(recorder.warnings()[0], "ignored store");
}

TEST(Ignored, AStrictServerRefusesHints) {
  server::ServerOptions options;
  options.hints = server::Hints::kRefused;
  Served served(test::hello, options);
  const Reply reply = served.client().post(
      "/v1/chat/completions",
      body_with({{"store", true}, {"verbosity", "low"}, {"tools", {{{"type", "web_search"}}}}}));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["param"], "tools[0].type");
  for (const char* name : {"store", "verbosity", "tools[0].type"}) EXPECT_CONTAINS(reply.error(), name);
  EXPECT_EQ(served.engine->asked(), 0u);
}

}  // namespace
}  // namespace ferrum
