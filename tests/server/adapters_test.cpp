// Adapters over HTTP: chosen by the model's name or a field, loaded and unloaded as with vLLM, listed and
// given scales as with llama-server.
#include <gtest/gtest.h>

#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Served;

json chat(const std::string& model, json more = json::object()) {
  json body = {{"model", model}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body;
}

class ServedAdapters : public testing::Test {
 protected:
  void SetUp() override {
    served.engine->load_adapter("sql", "adapters/sql", false);
    served.engine->load_adapter("v1:b", "adapters/b", false);
  }
  // The adapter and the scale of the request that came last.
  std::pair<std::string, float> asked_with(const std::string& path, const json& body) {
    const size_t before = served.engine->asked();
    const test::Reply reply = client.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    const Request& r = served.engine->answer(before)->request;
    return {r.adapter, r.adapter_scale};
  }
  std::pair<std::string, float> asked_with(const json& body) {
    return asked_with("/v1/chat/completions", body);
  }

  Served served;
  Client client = served.client();
};

using Pair = std::pair<std::string, float>;

TEST_F(ServedAdapters, AreChosenByTheModelsName) {
  EXPECT_EQ(asked_with(chat("fake")), Pair("", 1));
  EXPECT_EQ(asked_with(chat("fake:sql")), Pair("sql", 1));
  EXPECT_EQ(asked_with(chat("fake:v1:b")), Pair("v1:b", 1));
  EXPECT_EQ(asked_with(chat("sql")), Pair("sql", 1)) << "vLLM's name";
  EXPECT_EQ(client.post("/v1/chat/completions", chat("fake:sql").dump()).json()["model"], "fake:sql");
  const test::Reply unknown = client.post("/v1/chat/completions", chat("fake:nope").dump());
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.error().find("no adapter 'nope'"), std::string::npos) << unknown.body;
  EXPECT_EQ(client.post("/v1/chat/completions", chat("nope").dump()).status, 404);
  EXPECT_EQ(client.post("/tokenize", R"({"content": "ab", "model": "fake:sql"})").json()["count"], 2);
}

TEST_F(ServedAdapters, AreChosenByFieldsInEveryApi) {
  EXPECT_EQ(asked_with(chat("fake", {{"adapter", "sql"}})), Pair("sql", 1));
  EXPECT_EQ(asked_with(chat("fake", {{"adapter", "sql"}, {"adapter_scale", 0.5}})), Pair("sql", 0.5f));
  EXPECT_EQ(asked_with(chat("fake:sql", {{"adapter_scale", -2}})), Pair("sql", -2));
  EXPECT_EQ(asked_with(chat("fake", {{"lora", {{{"id", 1}, {"scale", 0.25}}}}})), Pair("v1:b", 0.25f));
  EXPECT_EQ(asked_with(chat("fake", {{"lora", json::array()}})), Pair("", 1));
  EXPECT_EQ(asked_with("/v1/completions", {{"model", "fake"}, {"prompt", "a"}, {"adapter", "sql"}}),
            Pair("sql", 1));
  EXPECT_EQ(asked_with("/v1/responses", {{"model", "fake:sql"}, {"input", "a"}}), Pair("sql", 1));
  EXPECT_EQ(asked_with("/v1/messages", {{"model", "fake:sql"},
                                        {"max_tokens", 5},
                                        {"messages", {{{"role", "user"}, {"content", "hi"}}}}}),
            Pair("sql", 1));
  for (const json& wrong : {json{{"adapter", "nope"}}, json{{"adapter_scale", 0.5}}, json{{"adapter", 3}},
                            json{{"adapter", "sql"}, {"adapter_scale", 1e6}}, json{{"lora", {{{"id", 7}}}}},
                            json{{"lora", {{{"id", 0}}, {{"id", 1}}}}}, json{{"lora", "sql"}}})
    EXPECT_EQ(client.post("/v1/chat/completions", chat("fake", wrong).dump()).status, 400) << wrong;
  EXPECT_EQ(client.post("/v1/chat/completions", chat("fake:sql", {{"adapter", "v1:b"}}).dump()).status, 400);
}

TEST_F(ServedAdapters, AreListedAsModels) {
  const json list = client.ask("GET", "/v1/models").json()["data"];
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1]["id"], "fake:sql");
  EXPECT_EQ(list[1]["parent"], "fake");
  EXPECT_EQ(list[1]["context_length"], 64);
  EXPECT_EQ(client.ask("GET", "/v1/models/fake:sql").json()["parent"], "fake");
  EXPECT_EQ(client.ask("GET", "/v1/models/fake:nope").status, 404);
  const std::string metrics = client.ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("ferrum_adapter_requests_total{model=\"fake\",adapter=\"sql\"} 3"),
            std::string::npos);
}

TEST_F(ServedAdapters, B24_B52_AreLoadedAndUnloadedAsWithVllm) {
  const auto load = [&](const json& body) { return client.post("/v1/load_lora_adapter", body.dump()); };
  const test::Reply loaded = load({{"lora_name", "new"}, {"lora_path", "adapters/new"}});
  EXPECT_EQ(loaded.status, 200);
  EXPECT_EQ(loaded.body, "Success: LoRA adapter 'new' added successfully.");
  EXPECT_EQ(asked_with(chat("fake:new")), Pair("new", 1));
  EXPECT_EQ(load({{"lora_name", "new"}, {"lora_path", "adapters/new"}}).status, 400) << "it is there already";
  EXPECT_EQ(load({{"lora_name", "new"}, {"lora_path", "adapters/b"}, {"load_inplace", true}}).status, 200);
  const test::Reply broken = load({{"lora_name", "other"}, {"lora_path", "broken"}});
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(broken.error(), "broken: fits another model");
  EXPECT_EQ(load({{"lora_name", "other"}}).status, 400);
  EXPECT_EQ(asked_with(chat("fake")), Pair("", 1)) << "the model keeps serving";

  const auto unload = [&](const std::string& name) {
    return client.post("/v1/unload_lora_adapter", json({{"lora_name", name}}).dump());
  };
  EXPECT_EQ(unload("new").body, "Success: LoRA adapter 'new' removed successfully.");
  EXPECT_EQ(unload("new").status, 404);
  EXPECT_EQ(client.post("/v1/chat/completions", chat("fake:new").dump()).status, 404);
}

TEST_F(ServedAdapters, HaveScalesAsWithLlamaServer) {
  json list = client.ask("GET", "/lora-adapters").json();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1]["id"], 1);
  EXPECT_EQ(list[1]["name"], "v1:b");
  EXPECT_EQ(list[1]["path"], "adapters/b");
  EXPECT_EQ(list[1]["scale"], 0.0);
  const auto set = [&](const json& body) { return client.post("/lora-adapters", body.dump()).status; };
  EXPECT_EQ(set({{{"id", 0}, {"scale", 0}}, {{"id", 1}, {"scale", 0.5}}}), 200);
  EXPECT_EQ(client.ask("GET", "/lora-adapters").json()[1]["scale"], 0.5);
  EXPECT_EQ(asked_with(chat("fake")), Pair("v1:b", 0.5f));
  EXPECT_EQ(asked_with(chat("fake:sql")), Pair("sql", 1));
  served.server.models().add_alias("gpt-4o", "fake");
  EXPECT_EQ(asked_with(chat("gpt-4o")), Pair("v1:b", 0.5f))
      << "the default is the model's, whatever it is called";
  EXPECT_EQ(asked_with(chat("fake", {{"lora", json::array()}})), Pair("", 1));
  EXPECT_EQ(set({{{"id", 0}, {"scale", 1}}, {{"id", 1}, {"scale", 1}}}), 400);
  EXPECT_EQ(set({{{"id", 2}, {"scale", 1}}}), 400);
  EXPECT_EQ(set({{"id", 0}}), 400);
  EXPECT_EQ(set(json::array()), 200);
  EXPECT_EQ(asked_with(chat("fake")), Pair("", 1));
}

}  // namespace
}  // namespace ferrum
