#include "http_client/http_session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "http_client/http_server_address.h"
#include "support/scripted_server.h"

namespace ferrum::http_client {
namespace {

using test::ScriptedServer;

ServerOptions at(const std::string& url) {
  return {.endpoint = parse_endpoint(url), .timeout = std::chrono::minutes(1)};
}
const OnBody kIgnore = [](const HttpHead&, std::string_view) {};

HttpFault::Kind fault_of(HttpSession& session, const HttpCall& call, std::string* what = nullptr) {
  try {
    session.exchange(call, kIgnore);
  } catch (const HttpFault& fault) {
    if (what) *what = fault.what();
    return fault.kind();
  }
  ADD_FAILURE() << "no fault";
  return HttpFault::Kind::kMalformed;
}

TEST(HttpSession, FieldsGoBothWaysOverOneConnection) {
  const ScriptedServer server([](const auto& client, const auto& seen) {
    const bool head = seen.head.starts_with("HEAD");
    client.send(head ? "HTTP/1.1 200 -\r\nContent-Length: 1000\r\nX-One: 1\r\nX-ONE: 2\r\n\r\n"
                     : "HTTP/1.1 206 -\r\nContent-Length: 2\r\n\r\nok");
  });
  const HttpServerAddress address(at(server.url()));
  HttpSession session(address);
  const HttpHead head = session.exchange({.method = "HEAD", .path = "/a"}, kIgnore);
  EXPECT_EQ(head.field("x-one"), "1");
  EXPECT_EQ(head.field("Content-Length"), "1000");
  EXPECT_EQ(head.field("none"), "");
  std::string body;
  const HttpCall call = {.method = "GET", .path = "/b?c", .body = {}, .fields = {{"Range", "bytes=0-1"}}};
  EXPECT_EQ(session.exchange(call, [&](const HttpHead&, std::string_view part) { body += part; }).status,
            206);
  EXPECT_EQ(body, "ok");
  ASSERT_EQ(server.seen().size(), 2u);
  EXPECT_EQ(server.seen()[1].connection, 0);
  EXPECT_TRUE(server.seen()[1].head.starts_with("GET /b?c HTTP/1.1\r\n")) << server.seen()[1].head;
  EXPECT_NE(server.seen()[1].head.find("\r\nRange: bytes=0-1\r\n"), std::string::npos);
}

TEST(HttpSession, AReaderThatThrowsGetsItsExceptionAndTheNextAnswerItsOwn) {
  const ScriptedServer server([](const auto& client, const auto&) {
    client.send("HTTP/1.1 200 -\r\nContent-Length: 100000\r\n\r\n");
    client.send(std::string(100000, 'x'));
  });
  const HttpServerAddress address(at(server.url()));
  HttpSession session(address);
  struct Enough {};
  const HttpCall call = {.method = "GET", .path = "/"};
  EXPECT_THROW(session.exchange(call, [](const HttpHead&, std::string_view) { throw Enough(); }), Enough);
  size_t bytes = 0;
  session.exchange(call, [&](const HttpHead&, std::string_view part) { bytes += part.size(); });
  EXPECT_EQ(bytes, 100000u);
}

TEST(HttpSession, AServerThatSaysNothingMoreIsGivenUp) {
  const ScriptedServer server([](const auto& client, const auto&) {
    client.send("HTTP/1.1 200 -\r\nContent-Length: 100\r\n\r\nhalf");
    client.wait_until_it_goes();
  });
  ServerOptions options = at(server.url());
  options.stall = std::chrono::milliseconds(50);
  const HttpServerAddress address(options);
  HttpSession session(address);
  std::string what;
  EXPECT_EQ(fault_of(session, {.method = "GET", .path = "/"}, &what), HttpFault::Kind::kTimeout);
  EXPECT_EQ(what, "no data for 0.05 s");
}

TEST(HttpSession, AnotherThreadStopsIt) {
  std::atomic<bool> asked = false;
  const ScriptedServer server([&](const auto& client, const auto&) {
    asked = true;
    asked.notify_all();
    client.wait_until_it_goes();
  });
  const HttpServerAddress address(at(server.url()));
  HttpSession session(address);
  const std::jthread stopper([&] {
    asked.wait(false);
    session.stop();
  });
  fault_of(session, {.method = "GET", .path = "/"});
  std::string what;
  fault_of(session, {.method = "GET", .path = "/"}, &what);
  EXPECT_EQ(what, "stopped");
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(HttpSession, AProxyGetsTheAbsoluteTarget) {
  const ScriptedServer proxy([](const auto& client, const auto& seen) {
    client.send(seen.head.starts_with("CONNECT") ? "HTTP/1.1 407 -\r\nContent-Length: 0\r\n\r\n"
                                                 : "HTTP/1.1 200 -\r\nContent-Length: 0\r\n\r\n");
  });
  const Endpoint there = parse_endpoint(proxy.url());
  const Proxy through = {there.host, there.port, "Basic abc"};
  ServerOptions plain = at("http://hub.invalid:81");
  plain.proxy = through;
  const HttpServerAddress address(plain);
  HttpSession session(address);
  EXPECT_EQ(session.exchange({.method = "GET", .path = "/a"}, kIgnore).status, 200);
  EXPECT_TRUE(
      proxy.seen()[0].head.starts_with("GET http://hub.invalid:81/a HTTP/1.1\r\nHost: hub.invalid:81\r\n"))
      << proxy.seen()[0].head;
  EXPECT_NE(proxy.seen()[0].head.find("Proxy-Authorization: Basic abc\r\n"), std::string::npos);

  ServerOptions secret = at("https://hub.invalid");
  secret.proxy = through;
  secret.api_key = "hf_secret";
  const HttpServerAddress tls(secret);
  HttpSession refused(tls);
  std::string what;
  EXPECT_EQ(fault_of(refused, {.method = "GET", .path = "/a"}, &what), HttpFault::Kind::kConnection);
  EXPECT_EQ(what, "the proxy " + there.host + ":" + there.port + " answers 407");
  EXPECT_TRUE(proxy.seen()[1].head.starts_with("CONNECT hub.invalid:443 HTTP/1.1\r\n"));
  EXPECT_EQ(proxy.seen()[1].head.find("hf_secret"), std::string::npos);
}

}  // namespace
}  // namespace ferrum::http_client
