// GET /health: whether it makes sense to send requests.
#include <gtest/gtest.h>

#include "server/served.h"

namespace ferrum {
namespace {

using test::Client;
using test::Reply;
using test::Served;

TEST(Health, LoadingReadyDraining) {
  server::ServerOptions options;
  options.http.port = 0;
  server::Server server(options);
  std::thread thread([&] { server.run(); });
  const std::string url = server.url();
  Client client(std::stoi(url.substr(url.rfind(':') + 1)));
  const auto expect = [&](int status, const char* word) {
    const Reply reply = client.ask("GET", "/health");
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.json()["status"], word);
  };
  expect(503, "loading");
  for (const char* path : {"/v1/models", "/v1/models/fake"}) {
    const Reply loading = client.ask("GET", path);
    EXPECT_EQ(loading.status, 503) << path;
    EXPECT_EQ(loading.headers.at("retry-after"), "1");
    EXPECT_EQ(loading.json()["error"]["code"], "loading");
  }
  const auto engine = std::make_shared<test::FakeEngine>(test::nothing);
  server.models().add("fake", engine);
  expect(200, "ok");
  Client busy(std::stoi(url.substr(url.rfind(':') + 1)));
  busy.send(test::http("POST", "/v1/completions", R"({"model":"fake","prompt":"x"})"));
  const auto answer = engine->answer();
  server.stop(std::chrono::seconds(20));
  expect(503, "draining");
  answer->tell(test::finish());
  thread.join();
}

// A supervisor restarts such a server, although it still accepts and answers connections.
TEST(HealthFaults, B70_AStepThatDoesNotEnd) {
  Served served;
  served.engine->set_stats({.seconds_in_step = 3});
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  served.engine->set_stats({.seconds_in_step = 130.5, .stalled = true});
  const Reply stuck = client.ask("GET", "/health");
  EXPECT_EQ(stuck.status, 503);
  EXPECT_EQ(stuck.json(),
            (nlohmann::json{{"status", "stuck"}, {"model", "fake"}, {"seconds_in_step", 130.5}}));
  served.engine->set_stats({});
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

TEST(HealthFaults, B57_ADeviceThatIsLost) {
  Served served;
  served.engine->set_stats({.device = {.name = "NVIDIA H200", .failure = "the device is gone"}});
  const Reply lost = served.client().ask("GET", "/health");
  EXPECT_EQ(lost.status, 503);
  EXPECT_EQ(lost.json(),
            (nlohmann::json{{"status", "device_lost"}, {"model", "fake"}, {"error", "the device is gone"}}));
}

}  // namespace
}  // namespace ferrum
