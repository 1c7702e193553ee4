// The server as a program under many connections.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "server/client.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Client;
using test::Reply;
using test::Terminal;

constexpr size_t kIdle = 2000;
constexpr size_t kStreams = 256;
const std::string kModel = (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();
const char* const kQuestions[] = {"Hello!", "What is the capital of France?", "Tell me a story about a fox.",
                                  "2+3?"};

nlohmann::json ask(size_t question, bool stream) {
  return {{"model", "demo-dense"},
          {"messages", {{{"role", "user"}, {"content", kQuestions[question % 4]}}}},
          {"temperature", 0},
          {"max_tokens", 24},
          {"stream", stream}};
}

std::string text_of(const Reply& reply) {
  std::string text;
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.events().back(), "[DONE]");
  for (const std::string& event : reply.events())
    if (event != "[DONE]") text += nlohmann::json::parse(event)["choices"][0]["delta"].value("content", "");
  return text;
}

// As far as the system lets this process.
void allow_files(size_t count) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < count) GTEST_SKIP() << "no more than " << limit.rlim_cur << " files may be open";
}

TEST(Crowd, IdleConnectionsAndManyStreams) {
  // The server raises the limit that it is started with by itself.
  rlimit few;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &few), 0);
  few.rlim_cur = std::min<rlim_t>(few.rlim_cur, 256);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  Terminal server({"serve", kModel, "--port", "0"});
  server.expect("listening at http://127.0.0.1:");
  const int port = std::stoi(server.expect(";"));
  allow_files(kIdle + kStreams + 100);
  if (IsSkipped()) return;

  std::vector<Client> idle;
  for (size_t i = 0; i < kIdle; ++i) {
    idle.emplace_back(port);
    if (i % 20 == 0) {
      EXPECT_EQ(idle.back().ask("GET", "/health").status, 200);
    }
  }
  std::vector<std::string> expected;
  for (size_t i = 0; i < 4; ++i)
    expected.push_back(Client(port)
                           .post("/v1/chat/completions", ask(i, false).dump())
                           .json()["choices"][0]["message"]["content"]);

  std::vector<Client> streams;
  for (size_t i = 0; i < kStreams; ++i) {
    streams.emplace_back(port);
    streams.back().send(test::http("POST", "/v1/chat/completions", ask(i, true).dump()));
  }
  for (size_t i = 0; i < kStreams; ++i) EXPECT_EQ(text_of(streams[i].read()), expected[i % 4]) << i;
  for (size_t i = 0; i < kIdle; i += 50) EXPECT_EQ(idle[i].ask("GET", "/health").status, 200) << i;
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

}  // namespace
}  // namespace ferrum
