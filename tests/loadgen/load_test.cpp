// The generator against servers with scripted answers.
#include "loadgen/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <set>

#include "http_client/http_server_address.h"
#include "loadgen/figures.h"
#include "loadgen/openai.h"
#include "loadgen/probe.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/scripted_server.h"

namespace ferrum::loadgen {
namespace {

using test::chat_answer;
using test::chat_event;
using test::http_answer;
using test::http_chunk;
using test::http_error;
using test::kDoneEvent;
using test::kFinishEvent;
using test::kStreamHead;
using test::ScriptedServer;
using test::usage_event;
using Client = ScriptedServer::Client;
using Seen = ScriptedServer::Seen;

constexpr const char* kPath = "/chat/completions";

std::string numbered(uint64_t number) { return std::to_string(number); }

using http_client::ServerOptions;
ServerOptions at(const std::string& url) {
  return {.endpoint = http_client::parse_endpoint(url, kDefaultBase)};
}

std::vector<Sample> run(const std::string& url, const Load& load) {
  const HttpServerAddress server(at(url));
  return LoadGenerator(server, kPath, numbered).run(load);
}

// A barrier: blocks until this many wait.
class Gate {
 public:
  explicit Gate(int count) : count_(count) {}
  void pass() {
    std::unique_lock lock(mutex_);
    if (++waiting_ % count_ == 0) {
      ++opened_;
      changed_.notify_all();
      return;
    }
    const int before = opened_;
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return opened_ != before; }))
        << "fewer than " << count_ << " asked at the same time";
  }

 private:
  const int count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  int opened_ = 0;
};

TEST(Load, AClosedLoopUsesAllClientsOverKeepAliveConnections) {
  Gate gate(8);
  const ScriptedServer server([&](const Client& client, const Seen&) {
    gate.pass();
    client.send(chat_answer(3));
  });
  int64_t told = 0;
  const HttpServerAddress address(at(server.url()));
  LoadGenerator generator(address, kPath, numbered);
  const std::vector<Sample> samples =
      generator.run({.clients = 8, .requests = 24}, [&](int64_t answers) { told = answers; });
  ASSERT_EQ(samples.size(), 24U);
  EXPECT_EQ(told, 24);
  std::set<std::string> bodies;
  std::set<int> connections;
  for (const Seen& seen : server.seen()) {
    bodies.insert(seen.body);
    connections.insert(seen.connection);
    EXPECT_TRUE(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << seen.head;
    EXPECT_NE(seen.head.find("\r\nHost: 127.0.0.1:"), std::string::npos);
  }
  EXPECT_EQ(bodies.size(), 24U);
  EXPECT_TRUE(bodies.contains("0") && bodies.contains("23"));
  EXPECT_EQ(connections.size(), 8U);
  for (const Sample& s : samples) {
    EXPECT_FALSE(s.failure) << s.failure->message;
    EXPECT_EQ(s.chunks, 3);
    EXPECT_EQ(s.output_tokens, 3);
    EXPECT_EQ(s.prompt_tokens, 10);
    EXPECT_EQ(s.cached_tokens, 4);
    EXPECT_EQ(s.gaps.size(), 2U);
    EXPECT_GT(s.first, 0);
    EXPECT_LE(s.first, s.last);
    EXPECT_LE(s.last, s.end);
  }
  EXPECT_EQ(generator.run({.clients = 8, .requests = 8}).size(), 8U);
  EXPECT_EQ(generator.next_number(), 32U);
  EXPECT_EQ(server.seen().back().connection, std::clamp(server.seen().back().connection, 0, 7));
}

TEST(Load, AnOpenLoopDoesNotWaitForAnswers) {
  Gate gate(20);
  const ScriptedServer server([&](const Client& client, const Seen&) {
    gate.pass();
    client.send(chat_answer(2));
  });
  std::vector<Sample> samples = run(server.url(), {.rate = 2000, .seed = 3, .requests = 20});
  ASSERT_EQ(samples.size(), 20U);
  std::ranges::sort(samples, {}, &Sample::start);
  Arrivals arrivals(2000, Spacing::kPoisson, 3);
  for (const Sample& s : samples) {
    EXPECT_FALSE(s.failure);
    EXPECT_NEAR(s.start, arrivals.next(), 1e-6) << "times count from when it was due";
  }
}

TEST(Load, ADurationEndsARow) {
  const ScriptedServer server([](const Client& client, const Seen&) { client.send(chat_answer(1)); });
  EXPECT_GE(run(server.url(), {.clients = 2, .seconds = 0.05}).size(), 2U);
  EXPECT_EQ(run(server.url(), {.rate = 100, .spacing = Spacing::kUniform, .seconds = 0.095}).size(), 10U);
}

TEST(Load, AnswersCutAnywhere) {
  const std::string whole = "HTTP/1.1 100 Continue\r\n\r\n" + chat_answer(2);
  const ScriptedServer server([&](const Client& client, const Seen& request) {
    const auto step = static_cast<size_t>(std::stoi(request.body)) + 1;
    for (size_t i = 0; i < whole.size(); i += step) client.send(std::string_view(whole).substr(i, step));
  });
  const std::vector<Sample> samples = run(server.url(), {.requests = 9});
  ASSERT_EQ(samples.size(), 9U);
  for (const Sample& s : samples) {
    EXPECT_FALSE(s.failure) << s.failure->kind << ": " << s.failure->message;
    EXPECT_EQ(s.chunks, 2);
  }
}

TEST(Load, AnswersThatEndWithTheirConnection) {
  const ScriptedServer server([](const Client& client, const Seen&) {
    client.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n" +
                chat_event("a") + usage_event(5, 0, 1) + kDoneEvent);
    client.hang_up();
  });
  for (const Sample& s : run(server.url(), {.requests = 3})) EXPECT_FALSE(s.failure) << s.failure->message;
  EXPECT_EQ(server.seen().size(), 3U);
}

TEST(Load, AConnectionThatWasClosedWhileIdleIsMadeAgain) {
  const ScriptedServer server([](const Client& client, const Seen&) {
    client.send(chat_answer(1));
    client.hang_up();  // without a word in the answer
  });
  const std::vector<Sample> samples = run(server.url(), {.requests = 4});
  ASSERT_EQ(samples.size(), 4U);
  for (const Sample& s : samples) EXPECT_FALSE(s.failure) << s.failure->message;
}

TEST(Load, EachFailureHasItsKind) {
  const std::vector<std::pair<const char*, std::function<void(const Client&)>>> faults = {
      {"HTTP 429", [](const Client& c) { c.send(http_error(429, "slow down")); }},
      {"HTTP 500", [](const Client& c) { c.send(http_answer(500, "text/html", "<b>broken</b>")); }},
      {"malformed", [](const Client& c) { c.send(http_answer(200, "application/json", "{}")); }},
      {"disconnect", [](const Client& c) { c.hang_up(); }},
      {"disconnect",
       [](const Client& c) {
         c.send(kStreamHead + http_chunk(chat_event("a")));
         c.hang_up();
       }},
      {"disconnect",
       [](const Client& c) { c.send(kStreamHead + http_chunk(chat_event("a")) + "0\r\n\r\n"); }},
      {"malformed",
       [](const Client& c) {
         c.send(kStreamHead + "oops\r\n");
         c.hang_up();
       }},
      {"malformed",
       [](const Client& c) {
         c.send("SMTP ready\r\n\r\n");
         c.hang_up();
       }},
      {"malformed", [](const Client& c) { c.send(kStreamHead + http_chunk("data: {\n\n") + "0\r\n\r\n"); }},
      {"error event",
       [](const Client& c) {
         c.send(kStreamHead + http_chunk(chat_event("a")) +
                http_chunk("data: {\"error\":{\"message\":\"gone\"}}\n\n") + "0\r\n\r\n");
       }},
      {"empty",
       [](const Client& c) { c.send(kStreamHead + http_chunk(kFinishEvent + kDoneEvent) + "0\r\n\r\n"); }},
  };
  const ScriptedServer server([&](const Client& client, const Seen& request) {
    faults[static_cast<size_t>(std::stoi(request.body))].second(client);
  });
  const std::vector<Sample> samples =
      run(server.url(), {.rate = 1000, .requests = static_cast<int64_t>(faults.size())});
  ASSERT_EQ(samples.size(), faults.size());
  std::multiset<std::string> expected;
  std::multiset<std::string> found;
  for (const auto& [kind, fault] : faults) expected.insert(kind);
  for (const Sample& s : samples) found.insert(s.failure ? s.failure->kind : "none");
  EXPECT_EQ(found, expected);
  const LoadFigures f = figures_of(samples, {});
  EXPECT_EQ(f.succeeded, 0);
  const auto slow_down = std::ranges::find(f.failures, "HTTP 429", &Failures::kind);
  ASSERT_NE(slow_down, f.failures.end());
  EXPECT_EQ(slow_down->example, "slow down");
}

TEST(Load, ASlowServerIsGivenUp) {
  const ScriptedServer server([](const Client& client, const Seen& request) {
    if (request.body == "1") client.send(kStreamHead + http_chunk(chat_event("a")));
    client.wait_until_it_goes();
  });
  ServerOptions options = at(server.url());
  options.timeout = std::chrono::milliseconds(50);
  const HttpServerAddress address(options);
  const std::vector<Sample> samples = LoadGenerator(address, kPath, numbered).run({.requests = 2});
  ASSERT_EQ(samples.size(), 2U);
  for (const Sample& s : samples) {
    ASSERT_TRUE(s.failure);
    EXPECT_EQ(s.failure->kind, "timeout");
    EXPECT_EQ(s.failure->message, "not done within 0.05 s");
  }
}

TEST(Load, NoServer) {
  const std::string url = ScriptedServer([](const Client&, const Seen&) {}).url();
  const std::vector<Sample> samples = run(url, {.clients = 2, .requests = 2});
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].failure->kind, "connection");
  EXPECT_NE(samples[0].failure->message.find("cannot connect: Connection refused"), std::string::npos);

  const HttpServerAddress server(at(url));
  test::expect_error(ErrorCode::kIo, {url + "/v1/models", "Connection refused"},
                     [&] { first_model(server); });
  const HttpServerAddress no_socket(at("unix:/no/such.sock"));
  test::expect_error(ErrorCode::kIo, {"unix:/no/such.sock", "No such file"}, [&] { first_model(no_socket); });
  test::expect_error(ErrorCode::kIo, {"no-such-host.invalid"},
                     [] { HttpServerAddress(at("http://no-such-host.invalid")); });
}

TEST(Load, OverAUnixSocket) {
  const test::TemporaryFolder folder;
  const ScriptedServer server((folder.path() / "socket").string(),
                              [](const Client& client, const Seen&) { client.send(chat_answer(2)); });
  for (const Sample& s : run(server.url(), {.clients = 2, .requests = 4}))
    EXPECT_FALSE(s.failure) << s.failure->message;
  EXPECT_EQ(server.seen().size(), 4U);
}

TEST(Load, WhatTheBodyThrowsIsTheCallers) {
  const ScriptedServer server([](const Client& client, const Seen&) { client.send(chat_answer(1)); });
  const HttpServerAddress address(at(server.url()));
  LoadGenerator generator(address, kPath, [](uint64_t number) -> std::string {
    if (number == 2) fail(ErrorCode::kBadArgument, "no third one");
    return numbered(number);
  });
  test::expect_error(ErrorCode::kBadArgument, {"no third one"},
                     [&] { generator.run({.clients = 2, .requests = 9}); });
}

TEST(Probe, FieldsThatAServerRefusesByNameAreDropped) {
  const ScriptedServer server([](const Client& client, const Seen& request) {
    for (const char* field : {"ignore_eos", "stream_options"})
      if (nlohmann::json::parse(request.body).contains(field))
        return client.send(http_error(400, "unknown field: " + std::string(field)));
    client.send(chat_answer(1));
  });
  const HttpServerAddress address(at(server.url()));
  RequestOptions options = {.model = "m"};
  EXPECT_EQ(agree_on_fields(address, options), (std::vector<std::string>{"ignore_eos", "stream_options"}));
  EXPECT_FALSE(options.ignore_eos);
  EXPECT_FALSE(options.usage);
  EXPECT_EQ(server.seen().size(), 3U);
}

TEST(Probe, OtherRefusalsAreReportedWithTheUrl) {
  const ScriptedServer server([](const Client& client, const Seen& request) {
    if (request.head.find("\r\nAuthorization: Bearer open\r\n") == std::string::npos)
      return client.send(http_error(401, "who are you?"));
    if (test::asks_for_models(request)) return client.send(test::kModels);
    client.send(http_error(400, "no such model"));
  });
  const HttpServerAddress stranger(at(server.url()));
  test::expect_error(ErrorCode::kIo, {server.url() + "/v1/models", "401", "who are you?"},
                     [&] { first_model(stranger); });
  ServerOptions options = at(server.url());
  options.api_key = "open";
  const HttpServerAddress address(options);
  EXPECT_EQ(first_model(address), "tiny");
  RequestOptions request = {.model = "m"};
  test::expect_error(ErrorCode::kIo, {server.url() + "/v1/chat/completions", "400", "no such model"},
                     [&] { agree_on_fields(address, request); });
}

}  // namespace
}  // namespace ferrum::loadgen
