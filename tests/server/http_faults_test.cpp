// The server against clients that are broken, slow, many or gone.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "server/chat_requests.h"
#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using namespace std::chrono_literals;
using test::answer_and_close;
using test::Client;
using test::http;
using test::kAsk;
using test::kAskStream;
using test::kChat;
using test::Reply;
using test::Served;

// Of a fault of the server's a client learns neither paths nor what others sent.
TEST(HttpFaults, N15_ErrorsNameNoFilesAndKeys) {
  server::ServerOptions options;
  options.api_keys = {"the-secret-key"};
  Served served(test::nothing, options);
  served.server.models().add("broken", [](const auto&) -> std::shared_ptr<Engine> {
    fail(ErrorCode::kBadFile, "/home/user/secret.gguf: cut off");
  });
  std::vector<std::string> replies;
  const auto ask = [&](std::string_view method, const std::string& path, std::string_view body = {}) {
    Client client = served.client();
    replies.push_back(client.ask(method, path, body, "X-Api-Key: the-secret-key\r\n").body);
    return nlohmann::json::parse(replies.back(), nullptr, false);
  };
  EXPECT_EQ(ask("POST", kChat,
                R"({"model":"broken","messages":[{"role":"user","content":"hi"}]})")["error"]["code"],
            "load_failed");
  Client waiting = served.client();
  waiting.send(http("POST", kChat, R"({"model":"fake","messages":[{"role":"user","content":"my diary"}]})",
                    "X-Api-Key: the-secret-key\r\n"));
  const auto answer = served.engine->answer();
  for (const char* path : {"/metrics", "/props", "/v1/models", "/none", "/health"}) ask("GET", path);
  answer->tell(ErrorEvent{"io", "/home/user/secret.gguf: cannot be read at 0x7fffdeadbeef"});
  replies.push_back(waiting.read().body);
  EXPECT_CONTAINS(replies.back(), "internal error");
  served.engine->on_submit = [] { throw std::runtime_error("/home/user/secret.gguf"); };
  EXPECT_EQ(ask("POST", kChat, kAsk)["error"]["type"], "invalid_request_error");
  for (const std::string& reply : replies)
    for (const char* secret : {"/home", "secret", "diary", "0x7f"})
      EXPECT_EQ(reply.find(secret), std::string::npos) << reply;
}

TEST(HttpFaults, B26_BrokenJsonAndText) {
  Served served;
  Client client = served.client();
  const std::string model = R"({"model":"fake","messages":[{"role":"user","content":")";
  for (const auto& [body, word] : std::vector<std::pair<std::string, std::string>>{
           {R"({"model":)", "byte 10"},
           {"{\"model\":\"fake\",}", "byte 17"},
           {model + "\xff\"}]}", fmt::format("byte {}", model.size() + 1)},
           {model + "\xed\xa0\x80\"}]}", "byte "},
           {model + "\\ud800\"}]}", "byte "},
           {"[]", "object"},
           {"7", "object"},
           {"{} {}", "byte 4"}}) {
    const Reply reply = client.post(kChat, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_CONTAINS(reply.error(), word);
    EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
  }
  EXPECT_EQ(client.ask("POST", kChat, {}, "Content-Type: application/json\r\nContent-Length: 0\r\n").status,
            400);
}

TEST(HttpFaults, B27_JsonBeyondTheBounds) {
  Served served;
  Client client = served.client();
  std::string keys = "{";
  for (int i = 0; i < 1'000'000; ++i) keys += fmt::format("\"{}\":1,", i);
  keys.back() = '}';
  for (const auto& [body, word] : std::vector<std::pair<std::string, std::string>>{
           {std::string(100'000, '['), "deep"},
           {keys, "keys"},
           {R"({"model":"fake","model":"other"})", "model"},
           {R"({"model":"fake","prompt":"x","temperature":1e400})", "1e400"}}) {
    const Reply reply = client.post("/v1/completions", body);
    EXPECT_EQ(reply.status, 400);
    EXPECT_CONTAINS(reply.error(), word);
  }
}

TEST(HttpFaults, B28_BodiesThatContradictThemselves) {
  server::ServerOptions options;
  options.http.max_body_bytes = 1000;
  Served served(test::hello, options);
  const std::string post = "POST " + kChat + " HTTP/1.1\r\nHost: localhost\r\n";
  const auto status = [&](const std::string& rest) { return answer_and_close(served, post + rest).status; };
  EXPECT_EQ(status("Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(status("Content-Length: 18446744073709551616\r\n\r\n"), 400);
  EXPECT_EQ(status("Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(status("Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456"), 400);
  EXPECT_EQ(status("Content-Length: 5, 6\r\n\r\n123456"), 400);
  EXPECT_EQ(status("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n"),
            413);
  EXPECT_EQ(status("no header\r\n\r\n"), 400);
  EXPECT_EQ(answer_and_close(served, "\x16\x03\x01 what is this\r\n\r\n").status, 400);
  EXPECT_EQ(answer_and_close(served, "GET / HTTP/9.9\r\n\r\n").status, 505);
  EXPECT_EQ(answer_and_close(served, "GET /health HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n").status,
            400);
  EXPECT_EQ(answer_and_close(served, "GET /health HTTP/1.1\r\n\r\n").status, 400);
}

// The refusal arrives though the client is still sending, and does not look until it has sent all.
TEST(HttpFaults, B28_TheRefusalOfALargeBodyArrives) {
  Served served;
  Client client = served.client();
  client.send("POST " + kChat + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n");
  for (int i = 0; i < 40; ++i) client.send(std::string(100'000, ' '));
  EXPECT_EQ(client.read().status, 413);
}

TEST(HttpFaults, B29_HeadsThatAreTooLarge) {
  Served served;
  const std::string lots(1 << 20, 'a');
  EXPECT_EQ(answer_and_close(served, "GET /" + lots + " HTTP/1.1\r\n").status, 431);
  EXPECT_EQ(answer_and_close(served, http("GET", "/health", {}, "X: " + lots + "\r\n")).status, 431);
  std::string many;
  for (int i = 0; i < 50'000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(answer_and_close(served, http("GET", "/health", {}, many)).status, 431);
  EXPECT_EQ(answer_and_close(served, lots).status, 431);
}

TEST(HttpFaults, B30_CompressedBodies) {
  Served served;
  Client client = served.client();
  const Reply reply = client.ask("POST", kChat, kAsk, "Content-Encoding: gzip\r\n");
  EXPECT_EQ(reply.status, 415);
  EXPECT_CONTAINS(reply.error(), "gzip");
  EXPECT_EQ(client.ask("POST", kChat, kAsk, "Content-Encoding: identity\r\n").status, 200);
}

TEST(HttpFaults, B31_SlowHeadsSlowBodiesAndIdleConnections) {
  server::ServerOptions options;
  options.http.read_timeout = 40ms;
  options.http.idle_timeout = 40ms;
  Served served(test::hello, options);
  Client idle = served.client();
  Client used = served.client();
  EXPECT_EQ(used.ask("GET", "/health").status, 200);
  Client head = served.client();
  head.send("GET /health HTTP/1.1\r\nHost: loc");
  Client body = served.client();
  body.send("POST " + kChat + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(head.read().status, 408);
  EXPECT_EQ(body.read().status, 408);
  EXPECT_TRUE(head.is_closed());
  EXPECT_TRUE(body.is_closed());
  EXPECT_EQ(idle.read_until("never"), "");  // an idle connection gets no response
  EXPECT_TRUE(idle.is_closed());
  EXPECT_TRUE(used.is_closed());
}

// A byte now and then does not gain time.
TEST(HttpFaults, B31_SlowLoris) {
  server::ServerOptions options;
  options.http.read_timeout = 60ms;
  Served served(test::hello, options);
  Client client = served.client();
  client.send("GET /health HTTP/1.1\r\n");
  const auto begin = std::chrono::steady_clock::now();
  int sent = 0;
  while (std::chrono::steady_clock::now() - begin < 200ms) {
    client.send(fmt::format("X-{}: y\r\n", sent++));
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpFaults, B31_AnAnswerMayTakeLongerThanTheTimeouts) {
  server::ServerOptions options;
  options.http.read_timeout = options.http.idle_timeout = options.http.write_timeout = 30ms;
  Served served(test::nothing, options);
  for (const size_t number : {0, 1}) {
    Client client = served.client();
    client.send(http("POST", kChat, number == 0 ? kAsk : kAskStream));
    const auto answer = served.engine->answer(number);
    EXPECT_FALSE(answer->is_cancelled_within(100ms));
    answer->tell(TextEvent{0, "late"});
    EXPECT_FALSE(answer->is_cancelled_within(100ms));
    answer->tell(test::finish());
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_CONTAINS(reply.body, "late");
  }
}

TEST(HttpFaults, B32_AReaderThatDoesNotReadIsCutOff) {
  server::ServerOptions options;
  options.http.write_timeout = 50ms;
  Served served(test::nothing, options);
  Client client = served.client();
  client.shrink_receive_buffer();
  client.send(http("POST", kChat, kAskStream));
  const auto answer = served.engine->answer();
  Client other = served.client();
  other.send(http("POST", kChat, kAskStream));
  const auto quick = served.engine->answer(1);
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) answer->tell(TextEvent{0, much});
  quick->tell(TextEvent{0, "quick"});
  quick->tell(test::finish());
  EXPECT_CONTAINS(other.read().body, "quick");
  EXPECT_TRUE(answer->is_cancelled_within(10s));
}

// Accepting pauses until file descriptors are free again; open connections continue.
TEST(HttpFaults, B33_NoDescriptorsLeft) {
  Served served(test::nothing);
  Client stream = served.client();
  stream.send(http("POST", kChat, kAskStream));
  const auto answer = served.engine->answer();
  rlimit normal = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &normal), 0);
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  const rlimit one_more = {static_cast<rlim_t>(next) + 1, normal.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &one_more), 0);
  Client late = served.client();  // has the last one
  late.send(http("GET", "/health"));
  for (int i = 0; i < 5; ++i) {
    const std::string part = fmt::format("part {}", i);
    answer->tell(TextEvent{0, part});
    EXPECT_CONTAINS(stream.read_until(part), part);
  }
  EXPECT_EQ(served.server.connections(), 1);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &normal), 0);
  EXPECT_EQ(late.read().status, 200);
  answer->tell(test::finish());
  EXPECT_CONTAINS(stream.read_until("[DONE]"), "[DONE]");
}

TEST(HttpFaults, B34_WrongPathsMethodsAndTypes) {
  Served served;
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/none").status, 404);
  EXPECT_EQ(client.ask("POST", "/v1/chat").json()["error"]["type"], "not_found_error");
  const Reply get = client.ask("GET", kChat);
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.at("allow"), "POST, OPTIONS");
  EXPECT_CONTAINS(get.error(), "POST");
  EXPECT_EQ(client.post("/health", "{}").headers.at("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(client.ask("BREW", kChat).status, 405);
  const Reply form = client.ask("POST", kChat, kAsk, "Content-Type: application/x-www-form-urlencoded\r\n");
  EXPECT_EQ(form.status, 415);
  EXPECT_CONTAINS(form.error(), "application/json");
  EXPECT_EQ(client.ask("POST", kChat, kAsk, "Content-Type: Application/JSON; charset=utf-8\r\n").status, 200);
}

TEST(HttpFaults, B52_AnotherModelOfTheSameNameTakesOverFromTheNextRequestOn) {
  Served served(test::nothing);
  Client client = served.client();
  client.send(http("POST", kChat, kAskStream));
  const auto before = served.engine->answer();
  before->tell(TextEvent{0, "a"});
  client.read_until("\"a\"");
  const std::weak_ptr<Engine> old =
      std::exchange(served.engine, std::make_shared<test::FakeEngine>(test::hello));
  served.server.models().add("fake", served.engine);
  EXPECT_EQ(served.client().post(kChat, kAsk).status, 200);
  EXPECT_EQ(served.engine->asked(), 1u);
  EXPECT_FALSE(before->cancelled());
  before->tell(TextEvent{0, "b"});
  before->tell(test::finish());
  const std::string rest = client.read_until("0\r\n\r\n");
  EXPECT_CONTAINS(rest, "\"b\"");
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  EXPECT_TRUE(old.expired());
}

TEST(HttpFaults, B54_AFullQueue) {
  Served served([](const Request&) {
    return std::vector<Event>{ErrorEvent{"queue_full", "256 requests wait already"}};
  });
  for (const std::string_view body : {kAsk, kAskStream}) {
    const Reply reply = served.client().post(kChat, body);
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.headers.at("retry-after"), "1");
    EXPECT_EQ(reply.json()["error"]["type"], "rate_limit_error");
  }
}

// Nothing of a client's can begin a line of its own in the log, or colour it.
TEST(HttpFaults, B72_TheLogIsEscaped) {
  Served served;
  served.engine->on_submit = [] { throw std::runtime_error("broken\nferrum: \x1b[31m"); };
  testing::internal::CaptureStdout();
  const Reply reply = served.client().post(kChat + "%0Aferrum:%1b[0m", kAsk);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body.find('\n'), std::string::npos);
  EXPECT_EQ(served.client().post(kChat, kAsk).status, 500);
  spdlog::default_logger()->flush();
  const std::string log = testing::internal::GetCapturedStdout();
  EXPECT_CONTAINS(log, "broken\\x0aferrum: \\x1b[31m");
  EXPECT_EQ(std::ranges::count(log, '\n'), 1);
}

// As many as there are, and none that could not be made.
TEST(HttpFaults, B69_MoreThreadsThanCores) {
  server::ServerOptions options;
  options.http.threads = 4 * static_cast<int>(std::thread::hardware_concurrency()) + 1;
  Served served(test::hello, options);
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(served.client());
  for (int round = 0; round < 3; ++round) {
    for (Client& client : clients) client.send(http("POST", kChat, kAskStream));
    for (Client& client : clients) EXPECT_EQ(client.read().events().back(), "[DONE]");
  }
}

TEST(HttpFaults, B37_WithoutAModelItSaysThatItLoads) {
  server::ServerOptions options;
  options.http.port = 0;
  server::Server server(options);
  std::thread thread([&] { server.run(); });
  const std::string url = server.url();
  Client client(std::stoi(url.substr(url.rfind(':') + 1)));
  EXPECT_EQ(client.ask("GET", "/health").json()["status"], "loading");
  const Reply reply = client.post(kChat, kAsk);
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.headers.contains("retry-after"));
  server.stop(0s);
  thread.join();
}

}  // namespace
}  // namespace ferrum
