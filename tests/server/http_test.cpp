// Connections and requests as RFC 9110 and 9112 allow them, and many at once.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <future>

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

TEST(Http, ConnectionsServeOneRequestAfterTheOther) {
  Served served;
  Client client = served.client();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.ask("GET", "/health").status, 200);
    EXPECT_EQ(client.post(kChat, kAsk).json()["choices"][0]["message"]["content"], "Hello");
    EXPECT_EQ(client.post(kChat, kAskStream).events().back(), "[DONE]");
  }
}

TEST(Http, PipelinedRequestsAreAnsweredInOrder) {
  Served served;
  Client client = served.client();
  client.send(http("GET", "/health") + http("POST", kChat, kAskStream) + http("GET", "/none") +
              http("POST", kChat, kAsk) + http("GET", "/v1/models"));
  EXPECT_EQ(client.read().json()["status"], "ok");
  EXPECT_EQ(client.read().events().back(), "[DONE]");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(client.read().json()["object"], "chat.completion");
  EXPECT_EQ(client.read().json()["object"], "list");
}

TEST(Http, RequestsMayComeByteByByte) {
  Served served;
  Client client = served.client();
  for (const char c : http("POST", kChat, kAsk)) client.send({&c, 1});
  EXPECT_EQ(client.read().status, 200);
}

TEST(Http, TheOlderVersionEndsStreamsWithTheConnection) {
  Served served;
  const std::string length = "Content-Length: " + std::to_string(kAskStream.size()) + "\r\n\r\n";
  const Reply reply = answer_and_close(
      served, "POST " + kChat + " HTTP/1.0\r\nConnection: keep-alive\r\n" + length + std::string(kAskStream));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.events().back(), "[DONE]");
  EXPECT_FALSE(reply.headers.contains("transfer-encoding"));
  EXPECT_NE(reply.headers.at("connection"), "keep-alive");
  EXPECT_EQ(answer_and_close(served, "GET /health HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_EQ(answer_and_close(served, http("GET", "/health", {}, "Connection: close\r\n")).status, 200);
}

// RFC 9110, section 2.5: a minor version that is not known is treated as the latest one that is.
TEST(Http, ALaterMinorVersionIsTheLatestKnown) {
  Served served;
  Client client = served.client();
  client.send(
      "GET /health HTTP/1.2\r\nHost: localhost\r\n\r\nGET /health HTTP/1.9\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 200) << "the connection stays open";
  EXPECT_EQ(answer_and_close(served, "GET /health HTTP/1.2\r\n\r\n").status, 400) << "no Host";
}

TEST(Http, HeadIsGetWithoutTheBody) {
  Served served;
  Client client = served.client();
  const Reply head = client.ask("HEAD", "/v1/models");
  EXPECT_EQ(head.status, 200);
  const Reply get = client.ask("GET", "/v1/models");  // no bytes of a body came in between
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(get.body.size()));
  EXPECT_EQ(client.ask("HEAD", "/none").status, 404);
  EXPECT_EQ(client.ask("HEAD", kChat).status, 405);
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

TEST(Http, OptionsHaveNoBody) {
  Served served;
  Client client = served.client();
  const Reply reply = client.ask("OPTIONS", kChat);
  EXPECT_EQ(reply.status, 204);
  EXPECT_FALSE(reply.headers.contains("content-length"));
  EXPECT_FALSE(reply.headers.contains("content-type"));
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

TEST(Http, BodiesAreRequestedIfTheClientWaits) {
  Served served;
  Client client = served.client();
  const std::string head = "POST " + kChat +
                           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           "Expect: 100-continue\r\nContent-Length: ";
  client.send(head + std::to_string(kAsk.size()) + "\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send(kAsk);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(answer_and_close(served, head + "99999999999\r\n\r\n").status, 413);
}

TEST(Http, ChunkedBodiesAreRead) {
  Served served;
  Client client = served.client();
  client.send("POST " + kChat +
              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
              "chunked\r\n\r\n5\r\n" +
              std::string(kAsk.substr(0, 5)) + "\r\n" + fmt::format("{:x}", kAsk.size() - 5) + ";x=y\r\n" +
              std::string(kAsk.substr(5)) + "\r\n0\r\nTrailer: 1\r\n\r\n");
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

TEST(Http, NamesInPathsMayBePercentEncoded) {
  Served served;
  served.server.models().add("a b/ü", served.engine);
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/v1/models/a%20b%2F%c3%BC").json()["id"], "a b/ü");
  EXPECT_EQ(client.ask("GET", "/v1/models/a%20b/%C3%BC?x=y").json()["id"], "a b/ü");
  const Reply unknown = client.ask("GET", "/v1/models/%ff%00%2");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.json()["error"]["code"], "model_not_found");
}

TEST(Http, TargetsMayBeAbsolute) {
  Served served;
  for (const char* target :
       {"http://127.0.0.1:18000/v1/models", "HTTP://localhost/v1/models?x=y", "https://[::1]/v1/models"}) {
    Client client = served.client();
    client.send(
        fmt::format("GET {} HTTP/1.1\r\nHost: evil.example\r\n\r\n", target));  // the target's host counts
    EXPECT_EQ(client.read().json()["object"], "list") << target;
  }
  const auto status = [&](const std::string& target, const char* host = "localhost") {
    Client client = served.client();
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, host));
    return client.read().status;
  };
  EXPECT_EQ(status("http://evil.example/v1/models"), 403);
  EXPECT_EQ(status("http://localhost"), 200);
  for (const char* target :
       {"ftp://localhost/", "http://", "http:///v1/models", "http://a@localhost/", "v1/models", "*"})
    EXPECT_EQ(status(target), 400) << target;
  Client client = served.client();
  EXPECT_EQ(client.ask("OPTIONS", "*").status, 204);
}

TEST(Http, PathsHaveOneCanonicalSpelling) {
  Served served;
  Client client = served.client();
  for (const char* path :
       {"/v1/models", "/v1/models/", "//v1//models", "/v1/./models", "/v1/x/../models", "/%76%31/models",
        "/v1/%2e/models", "/models", "/models/", "/v1/v1/models", "/../v1/models"})
    EXPECT_EQ(client.ask("GET", path).json()["object"], "list") << path;
  for (const char* path : {"/chat/completions", "/v1/v1/chat/completions", "//v1/chat/completions/"})
    EXPECT_EQ(client.post(path, kAsk).status, 200) << path;
  EXPECT_EQ(client.ask("GET", "/v1/health").status, 200);
  EXPECT_EQ(client.ask("GET", "/chat/completions").status, 405);
  EXPECT_EQ(client.ask("GET", "/models/fake").json()["id"], "fake");
  EXPECT_CONTAINS(client.ask("GET", "/V1/Models").error(), "'/v1/models'");
  EXPECT_CONTAINS(client.ask("GET", "/v1").error(), "/v1/chat/completions");
  EXPECT_CONTAINS(client.post("/api/chat", kAsk).error(), "/v1/chat/completions");
  EXPECT_CONTAINS(client.post("/openai/v1/chat/completions", kAsk).error(),
                  "it is at '/v1/chat/completions'");
}

TEST(Http, EmptyLinesBeforeARequestAreSkipped) {
  Served served;
  Client client = served.client();
  client.send("\r\n" + http("POST", kChat, kAsk) + "\r\n" + http("POST", kChat, kAsk) + "\r\n\r\n\n" +
              http("GET", "/health"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read().status, 200);
  for (const char* bytes : {"\r", "\n", "\r", "\n"}) client.send(bytes);
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
}

// An empty line alone is no request that could be late.
TEST(Http, AnEmptyLineDoesNotBeginARequest) {
  server::ServerOptions options;
  options.http.read_timeout = 20ms;
  options.http.idle_timeout = 80ms;
  Served served(test::hello, options);
  Client client = served.client();
  client.send("\r\n\r");
  EXPECT_EQ(client.read_until("never"), "");
  EXPECT_TRUE(client.is_closed());
}

TEST(Http, EveryResponseHasARequestId) {
  Served served;
  Client client = served.client();
  const auto id = [&](const std::string& headers, const std::string& path = "/health") {
    return client.ask("GET", path, {}, headers).headers.at("x-request-id");
  };
  EXPECT_EQ(id("X-Request-Id: abc-1.2_3:/+=@\r\n"), "abc-1.2_3:/+=@");
  for (const std::string bad : {"", "a b", "a\"b", "\xc3\xbc", "a,b", "<a>"}) {
    const std::string made = id("X-Request-Id: " + bad + "\r\n");
    EXPECT_TRUE(made.starts_with("req_")) << made;
    EXPECT_EQ(made.size(), 28u);
  }
  EXPECT_TRUE(id("X-Request-Id: " + std::string(129, 'a') + "\r\n").starts_with("req_"));
  EXPECT_NE(id(""), id(""));
  EXPECT_EQ(id("X-Request-Id: a\r\n", "/none"), "a");
  EXPECT_TRUE(answer_and_close(served, "broken\r\n\r\n").headers.at("x-request-id").starts_with("req_"));
  const Reply stream = client.ask("POST", kChat, kAskStream, "X-Request-Id: s\r\n");
  EXPECT_EQ(stream.headers.at("x-request-id"), "s");
  EXPECT_EQ(stream.headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(stream.headers.at("cache-control"), "no-cache");
  EXPECT_FALSE(stream.headers.contains("request-id"));
  const Reply anthropic =
      client.ask("POST", "/messages", "{}", "X-Request-Id: t\r\n");  // Anthropic's own header
  EXPECT_EQ(anthropic.status, 400);
  EXPECT_EQ(anthropic.headers.at("request-id"), "t");
}

TEST(Http, ManyStreamsAtOnce) {
  server::ServerOptions options;
  options.http.threads = 2;
  constexpr int kMany = 200;
  std::string expected;
  for (int i = 0; i < 20; ++i) expected += std::to_string(i) + " ";
  Served served(
      [](const Request&) {
        std::vector<Event> events;
        for (int i = 0; i < 20; ++i) events.emplace_back(TextEvent{0, std::to_string(i) + " "});
        events.emplace_back(test::finish());
        return events;
      },
      options);
  std::vector<Client> clients;
  for (int i = 0; i < kMany; ++i) clients.push_back(served.client());
  for (Client& client : clients) client.send(http("POST", kChat, kAskStream));
  for (Client& client : clients) {
    const std::vector<std::string> events = client.read().events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back(), "[DONE]");
    std::string text;
    for (const std::string& event : events)
      if (event != "[DONE]") text += nlohmann::json::parse(event)["choices"][0]["delta"].value("content", "");
    EXPECT_EQ(text, expected);
  }
}

// Tokenizing a long prompt takes long: other connections do not wait for it.
TEST(Http, LongPromptsDoNotDelayOthers) {
  Served served;
  std::promise<void> begun;
  std::promise<void> may_go_on;
  served.engine->on_submit = [&] {
    begun.set_value();
    may_go_on.get_future().wait_for(10s);
  };
  Client slow = served.client();
  slow.send(http("POST", kChat, kAsk));
  begun.get_future().wait();
  EXPECT_LT(test::milliseconds_of([&] { EXPECT_EQ(served.client().ask("GET", "/health").status, 200); }), 5s);
  may_go_on.set_value();
  EXPECT_EQ(slow.read().status, 200);
}

}  // namespace
}  // namespace ferrum
