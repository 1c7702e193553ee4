// Several models behind one server, and the view of what runs.
#include <gtest/gtest.h>

#include <future>

#include "base/error.h"
#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::FakeEngine;
using test::Served;

std::string chat(const std::string& model, bool stream = false) {
  return json({{"model", model}, {"stream", stream}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}})
      .dump();
}

TEST(SeveralModels, RequestsChooseByName) {
  Served served;
  std::shared_ptr<FakeEngine> other;
  served.server.models().add("other", [&](const server::ModelPool::Permission&) {
    return other = std::make_shared<FakeEngine>(test::hello);
  });
  Client client = served.client();
  json list = client.ask("GET", "/v1/models").json()["data"];
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["id"], "fake");
  EXPECT_EQ(list[0]["context_length"], 64);
  EXPECT_FALSE(list[1].contains("context_length")) << "it is not loaded";
  EXPECT_EQ(client.ask("GET", "/props").json()["models"][1]["state"], "unloaded");
  EXPECT_EQ(client.ask("GET", "/health").status, 200);

  EXPECT_EQ(client.post("/v1/chat/completions", chat("other")).json()["model"], "other");
  EXPECT_EQ(other->asked(), 1u);
  EXPECT_EQ(served.engine->asked(), 0u);
  EXPECT_EQ(client.ask("GET", "/v1/models/other").json()["context_length"], 64);
  EXPECT_EQ(client.ask("GET", "/props").json()["models"][1]["state"], "loaded");
  EXPECT_NE(client.ask("GET", "/metrics").body.find("model=\"other\""), std::string::npos);
  EXPECT_EQ(client.post("/tokenize", R"({"content": "ab", "model": "other"})").json()["count"], 2);
  EXPECT_EQ(client.post("/tokenize", R"({"content": "ab"})").json()["count"], 2);
  EXPECT_EQ(client.post("/v1/chat/completions", chat("third")).status, 404);
}

TEST(SeveralModels, WaitingForAModelDelaysNoOtherRequest) {
  std::promise<void> may_load;
  Served served;
  served.server.models().add("slow", [loaded = may_load.get_future().share()](const auto&) {
    loaded.wait();
    return std::make_shared<FakeEngine>(test::hello);
  });
  std::vector<Client> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(served.client());
    waiting.back().send(test::http("POST", "/v1/chat/completions", chat("slow", i % 2 == 0)));
  }
  Client client = served.client();
  EXPECT_EQ(client.post("/v1/chat/completions", chat("fake")).status, 200);
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  may_load.set_value();
  for (Client& c : waiting) EXPECT_EQ(c.read().status, 200);
}

TEST(SeveralModels, OneThatCannotBeLoadedIsAnErrorOfItsOwnRequests) {
  Served served;
  served.server.models().add("large", [](const auto&) -> std::shared_ptr<Engine> {
    fail(ErrorCode::kNoMemory, "it takes 30.0 GiB, 12.0 GiB are free");
  });
  served.server.models().add(
      "broken", [](const auto&) -> std::shared_ptr<Engine> { fail(ErrorCode::kBadFile, "cut off"); });
  Client client = served.client();
  const test::Reply large = client.post("/v1/chat/completions", chat("large"));
  EXPECT_EQ(large.status, 503);
  EXPECT_EQ(large.headers.at("retry-after"), "1");
  EXPECT_NE(large.error().find("12.0 GiB"), std::string::npos);
  EXPECT_EQ(client.post("/v1/chat/completions", chat("broken")).status, 500);
  EXPECT_EQ(client.post("/v1/chat/completions", chat("fake")).status, 200);
}

TEST(SeveralModels, AliasesAreListedAndServed) {
  Served served;
  served.server.models().add_alias("gpt-4o", "fake");
  Client client = served.client();
  const nlohmann::json list = client.ask("GET", "/v1/models").json()["data"];
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1]["id"], "gpt-4o");
  EXPECT_EQ(list[1]["alias_of"], "fake");
  const std::string version = "anthropic-version: 2023-06-01\r\n";
  EXPECT_EQ(client.ask("GET", "/v1/models?after_id=fake", "", version).json()["data"][0]["id"], "gpt-4o");
  EXPECT_EQ(client.ask("GET", "/v1/models/gpt-4o").json()["id"], "gpt-4o");
  EXPECT_EQ(client.ask("GET", "/props").json()["models"][0]["aliases"], nlohmann::json({"gpt-4o"}));
  const test::Reply reply = client.post("/v1/chat/completions", chat("gpt-4o"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json()["model"], "gpt-4o");
}

TEST(SeveralModels, StoppingEndsTheWaitForAModel) {
  Served served;
  std::promise<void> began;
  served.server.models().add("slow",
                             [&](const server::ModelPool::Permission& permission) -> std::shared_ptr<Engine> {
                               began.set_value();
                               while (true) {
                                 permission.check();
                                 std::this_thread::yield();
                               }
                             });
  Client client = served.client();
  client.send(test::http("POST", "/v1/chat/completions", chat("slow")));
  began.get_future().wait();
  served.stop(std::chrono::seconds(20));
  EXPECT_EQ(client.read().status, 503);
  served.join();
}

TEST(Running, IsShownToThoseWhoAskForIt) {
  server::ServerOptions options;
  EXPECT_EQ(Served(test::nothing, options).client().ask("GET", "/running").status, 404);
  options.show_running = true;
  Served served(test::nothing, options);
  Client client = served.client();
  client.send(test::http("POST", "/v1/chat/completions", chat("fake", true)));
  const auto answer = served.engine->answer();
  answer->tell(TextEvent{0, "Hel"});
  client.read_until("Hel");
  const json running = served.client().ask("GET", "/running").json()["requests"];
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0]["path"], "/v1/chat/completions");
  EXPECT_EQ(running[0]["model"], "fake");
  EXPECT_EQ(running[0]["stream"], true);
  EXPECT_EQ(running[0]["texts"], 1);
  answer->tell(test::finish());
  client.read_until("[DONE]");
  while (!served.client().ask("GET", "/running").json()["requests"].empty()) std::this_thread::yield();
}

}  // namespace
}  // namespace ferrum
