// The server as a program under random clients, well-behaved ones and others: none of the former fails, and
// memory and descriptors are as many as they were.
//
// For longer: cli_test --gtest_filter='ServerSoak.*HalfAnHour' --gtest_also_run_disabled_tests
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include "server/client.h"
#include "support/process.h"

namespace ferrum {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;
using test::Client;
using test::http;
using test::Reply;
using test::Terminal;

constexpr int kClients = 6;
const std::string kModel = (std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf").string();

double resident_mib(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

size_t open_files(int pid) {
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

class RandomClient {
 public:
  RandomClient(int port, uint64_t seed) : port_(port), random_(seed) {}

  void act() {
    switch (below(10)) {
      case 0:
        return leave();
      case 1:
        return send_nonsense();
      case 2:
        return look();
      default:
        return ask();
    }
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  struct Question {
    std::string path;
    json body;
  };
  Question question() {
    const std::string words[] = {"Hello!", "Tell me a story.", "What is the capital of France?", "2+3?"};
    const std::string text = words[below(4)] + std::string(static_cast<size_t>(below(50)), 'x');
    const json messages = {{{"role", "user"}, {"content", text}}};
    json body = {{"model", "demo-dense"}, {"temperature", below(3) * 0.5}, {"stream", below(2) == 0}};
    switch (below(4)) {
      case 0:
        body.update({{"prompt", text}, {"max_tokens", 1 + below(20)}, {"n", 1 + below(3)}});
        return {"/v1/completions", body};
      case 1:
        body.update({{"messages", messages}, {"max_tokens", 1 + below(20)}});
        return {"/v1/messages", body};
      case 2:
        // Not kept, for what is kept grows up to its bound.
        body.update({{"input", text}, {"max_output_tokens", 1 + below(20)}, {"store", false}});
        return {"/v1/responses", body};
      default:
        body.update({{"messages", messages}, {"max_tokens", 1 + below(20)}, {"n", 1 + below(2)}});
        if (below(2) == 0) body.update({{"logprobs", true}, {"top_logprobs", below(5)}});
        return {"/v1/chat/completions", body};
    }
  }

  void ask() {
    Client client(port_);
    for (int requests = 1 + below(3); requests > 0; --requests) {
      const Question q = question();
      const Reply reply = client.post(q.path, q.body.dump());
      ASSERT_EQ(reply.status, 200) << q.path << q.body << reply.body;
      if (!q.body["stream"]) {
        EXPECT_FALSE(reply.json().is_discarded());
      } else {
        const std::string last = reply.events().back();
        EXPECT_TRUE(last == "[DONE]" || last.find("message_stop") != std::string::npos ||
                    last.find("response.completed") != std::string::npos ||
                    last.find("response.incomplete") != std::string::npos)
            << last;
      }
    }
  }

  // In the middle of the request, of the wait, or of the answer.
  void leave() {
    Client client(port_);
    Question q = question();
    q.body["stream"] = true;
    const std::string request = http("POST", q.path, q.body.dump());
    const int where = below(3);
    client.send(where == 0 ? request.substr(0, static_cast<size_t>(below(static_cast<int>(request.size()))))
                           : request);
    if (where == 2) client.read_until("data: ");
    if (below(2) == 0) client.close_sending();
  }

  void send_nonsense() {
    Client client(port_);
    switch (below(5)) {
      case 0:
        EXPECT_EQ(client.post("/v1/chat/completions", "{\"model\": ").status, 400);
        break;
      case 1:
        EXPECT_EQ(client.post("/v1/chat/completions", R"({"model": "demo-dense", "messages": 7})").status,
                  400);
        break;
      case 2:
        EXPECT_EQ(client.ask("GET", "/v1/nothing").status, 404);
        break;
      case 3:
        client.send("BLAH\r\n\r\n\x01\x02");
        client.is_closed();
        break;
      default:
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
        EXPECT_EQ(client.read().status, 431);
    }
  }

  void look() {
    Client client(port_);
    EXPECT_EQ(client.ask("GET", "/health").status, 200);
    EXPECT_EQ(client.ask("GET", "/metrics").status, 200);
  }

  int port_;
  std::mt19937_64 random_;
};

// Each client sends requests until it is stopped.
void soak(const std::function<bool(int round)>& goes_on) {
  Terminal server({"serve", kModel, "--port", "0", "--max-queue", "1000"});
  server.expect("listening at http://127.0.0.1:");
  const int port = std::stoi(server.expect(";"));
  const auto act = [&](const std::function<bool(int)>& more) {
    std::vector<std::jthread> clients;
    for (uint64_t seed = 0; seed < kClients; ++seed)
      clients.emplace_back([&, seed] {
        RandomClient client(port, seed);
        for (int round = 0; more(round) && !testing::Test::HasFailure(); ++round) client.act();
      });
  };
  act([](int round) { return round < 30; });  // makes memory as large as it gets, or nearly
  const auto settled = [&] {
    const auto patience = steady_clock::now() + std::chrono::minutes(2);
    while (open_files(server.pid()) > 0 && steady_clock::now() < patience) {
      Client client(port);
      const std::string metrics = client.ask("GET", "/metrics").body;
      if (metrics.find("ferrum_connections 1\n") != std::string::npos &&
          metrics.find("ferrum_sequences_running{model=\"demo-dense\"} 0\n") != std::string::npos)
        return;
    }
    ADD_FAILURE() << "clients that left are still there";
  };
  settled();
  const double memory = resident_mib(server.pid());
  const size_t files = open_files(server.pid());
  act(goes_on);
  settled();
  EXPECT_LT(resident_mib(server.pid()), memory + 24);
  // The connection of the last request may still be closing.
  const auto patience = steady_clock::now() + std::chrono::minutes(2);
  while (open_files(server.pid()) > files && steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_LE(open_files(server.pid()), files);
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(ServerSoak, RandomClientsLeaveNothingBehind) {
  soak([](int round) { return round < 60; });
}

TEST(ServerSoak, DISABLED_HalfAnHour) {
  const auto end = steady_clock::now() + std::chrono::minutes(30);
  soak([end](int) { return steady_clock::now() < end; });
}

}  // namespace
}  // namespace ferrum
