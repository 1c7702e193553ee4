// The server as a program: what it says, answers and how it stops.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "server/client.h"
#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Client;
using test::Finished;
using test::Reply;
using test::Terminal;

const std::string kModel = (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();
const std::string kChat = "/v1/chat/completions";

nlohmann::json ask(int max_tokens) {
  return {{"model", "demo-dense"},
          {"messages", {{{"role", "user"}, {"content", "Tell me a story about a fox."}}}},
          {"temperature", 0},
          {"max_tokens", max_tokens}};
}

// Where it says that it listens.
int port_of(Terminal& server) {
  server.expect("listening at http://127.0.0.1:");
  return std::stoi(server.expect(";"));
}

TEST(Serve, AnswersAsTheCommandRunDoes) {
  const Finished run = test::ferrum(
      {"run", kModel, "Tell me a story about a fox.", "--temperature", "0", "--max-tokens", "40"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  Terminal server({"serve", kModel, "--port", "0"});
  Client client(port_of(server));
  server.expect("curl http://127.0.0.1:");
  const Reply whole = client.post(kChat, ask(40).dump());
  ASSERT_EQ(whole.status, 200) << whole.body;
  const std::string text = whole.json()["choices"][0]["message"]["content"];
  EXPECT_EQ(text + "\n", run.out);
  nlohmann::json stream = ask(40);
  stream["stream"] = true;
  std::string streamed;
  for (const std::string& event : client.post(kChat, stream.dump()).events())
    if (event != "[DONE]")
      streamed += nlohmann::json::parse(event)["choices"][0]["delta"].value("content", "");
  EXPECT_EQ(streamed, text);
  server.send(SIGINT);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Serve, B60_SigtermLetsTheAnswerEnd) {
  const test::TemporaryFolder folder;
  const std::string socket = folder.path() / "socket";
  Terminal server({"serve", kModel, "--host", "unix:" + socket});
  server.expect("--unix-socket " + socket);
  Client client(socket);
  nlohmann::json body = ask(400);
  body["stream"] = true;
  body["ignore_eos"] = true;
  client.send(test::http("POST", kChat, body.dump()));
  EXPECT_NE(client.read_until("\"content\":\"").size(), 0u);
  server.send(SIGTERM);
  server.expect("stopping");
  const std::string rest = client.read_until("0\r\n\r\n");
  EXPECT_NE(rest.find("\"finish_reason\":\"length\""), std::string::npos) << rest;
  EXPECT_NE(rest.find("data: [DONE]"), std::string::npos);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST(Serve, MistakesAreNamed) {
  const test::TemporaryFolder folder;
  const std::string empty = folder.write("keys", "# none\n\n");
  for (const auto& [args, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--api-key-file", empty}, "no key"},
           {{"--api-key-file", folder.path() / "none"}, "cannot be read"},
           {{"--api-key", ""}, "empty API key"},
           {{"--host", "192.0.2.1"}, "cannot listen at 192.0.2.1"},
           {{"--tls-cert", empty}, "a certificate and a key"},
           {{"--tls-cert", empty, "--tls-key", empty}, "no certificate in PEM"},
           {{"--kv-tokens", "10"}, "kv_tokens"}}) {
    std::vector<std::string> all = {"serve", kModel, "--port", "0"};
    all.insert(all.end(), args.begin(), args.end());
    const Finished done = test::ferrum(all);
    EXPECT_NE(done.exit_code, 0);
    EXPECT_NE(done.err.find(words), std::string::npos) << done.err;
  }
}

}  // namespace
}  // namespace ferrum
