// Keys, origins and hosts.
#include <gtest/gtest.h>

#include "base/error.h"
#include "server/served.h"

namespace ferrum {
namespace {

using test::Client;
using test::Reply;
using test::Served;

const std::string kChat = "/v1/chat/completions";
constexpr std::string_view kAsk = R"({"model":"fake","messages":[{"role":"user","content":"hi"}]})";

int status_with_host(const Served& served, const std::string& host) {
  Client client = served.client();
  client.send("GET /health HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  return client.read().status;
}

TEST(AccessFaults, B35_MissingAndWrongKeys) {
  server::ServerOptions options;
  options.api_keys = {"one", "another"};
  Served served(test::hello, options);
  Client client = served.client();
  EXPECT_EQ(client.ask("GET", "/health").status, 200);
  for (const char* path : {"/metrics", "/props", "/v1/models", "/v1/models/fake", "/none"})
    EXPECT_EQ(client.ask("GET", path).status, 401) << path;
  for (const char* header :
       {"", "Authorization: Bearer \r\n", "Authorization: Bearer on\r\n", "Authorization: Bearer one1\r\n",
        "Authorization: Bearer oneone\r\n", "Authorization: Bearer ONE\r\n", "Authorization: one\r\n",
        "Authorization: Basic one\r\n", "X-Api-Key: two\r\n", "X-Api-Key: oneone\r\n"}) {
    const Reply reply = client.ask("POST", kChat, kAsk, header);
    EXPECT_EQ(reply.status, 401) << header;
    EXPECT_EQ(reply.headers.at("www-authenticate"), "Bearer");
    EXPECT_EQ(reply.json()["error"]["code"], "invalid_api_key");
  }
  EXPECT_EQ(served.engine->asked(), 0u);
  for (const char* header :
       {"Authorization: Bearer one\r\n", "Authorization: bearer another\r\n", "X-Api-Key: another\r\n"})
    EXPECT_EQ(client.ask("POST", kChat, kAsk, header).status, 200) << header;
}

// It would let everybody in who has none.
TEST(AccessFaults, B35_AnEmptyKeyIsNoKey) {
  server::ServerOptions options;
  options.api_keys = {""};
  options.http.port = 0;
  EXPECT_THROW(server::Server{options}, Error);
}

TEST(AccessFaults, B36_OnLoopbackOnlyThisMachinesNames) {
  Served served;
  for (const char* host : {"localhost", "localhost:80", "LocalHost", "127.0.0.1:8000", "127.9.9.9",
                           "[::1]:80", "app.localhost", "localhost.:80"})
    EXPECT_EQ(status_with_host(served, host), 200) << host;
  for (const char* host :
       {"example.org", "127.0.0.1.example.org", "127.0.0.1.example.org:80", "127.example.org:8000",
        "localhost.evil.example", "10.0.0.1", "127.0.0.1@evil.example", "[::2]"})
    EXPECT_EQ(status_with_host(served, host), 403) << host;
}

TEST(AccessFaults, B36_ForeignOrigins) {
  Served served;
  Client client = served.client();
  for (const char* origin : {"https://evil.example", "null", "http://localhost:1234"}) {
    const Reply reply = client.ask("POST", kChat, kAsk, std::string("Origin: ") + origin + "\r\n");
    EXPECT_EQ(reply.status, 403) << origin;
    EXPECT_FALSE(reply.headers.contains("access-control-allow-origin"));
  }
  EXPECT_EQ(served.engine->asked(), 0u);
  EXPECT_EQ(client.ask("POST", kChat, kAsk, "Origin: http://localhost\r\n").status, 200);  // as Host says
}

TEST(Access, PagesOfAllowedOriginsMayCall) {
  server::ServerOptions options;
  options.allowed_origins = {"https://a.example"};
  options.api_keys = {"key"};
  Served served(test::hello, options);
  Client client = served.client();
  const std::string origin = "Origin: https://a.example\r\n";
  const Reply preflight = client.ask("OPTIONS", kChat, {},
                                     origin +
                                         "Access-Control-Request-Method: POST\r\n"
                                         "Access-Control-Request-Headers: authorization,content-type\r\n");
  EXPECT_EQ(preflight.status, 204);  // without a key
  EXPECT_EQ(preflight.headers.at("access-control-allow-origin"), "https://a.example");
  EXPECT_NE(preflight.headers.at("access-control-allow-methods").find("POST"), std::string::npos);
  EXPECT_NE(preflight.headers.at("access-control-allow-headers").find("Authorization"), std::string::npos);
  const std::string body(kAsk);
  for (const std::string& asked : {body, body.substr(0, 1) + "\"stream\":true," + body.substr(1)}) {
    const Reply reply = client.ask("POST", kChat, asked, origin + "Authorization: Bearer key\r\n");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "https://a.example");
    EXPECT_EQ(reply.headers.at("vary"), "Origin");
  }
  const Reply refused = client.ask("POST", kChat, kAsk, origin);
  EXPECT_EQ(refused.status, 401);  // which the page may read
  EXPECT_EQ(refused.headers.at("access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(client.ask("OPTIONS", kChat, {}, "Origin: https://b.example\r\n").status, 403);
}

TEST(Access, EveryOriginMayBeAllowed) {
  server::ServerOptions options;
  options.allowed_origins = {"*"};
  Served served(test::hello, options);
  EXPECT_EQ(
      served.client().ask("GET", "/health", {}, "Origin: null\r\n").headers.at("access-control-allow-origin"),
      "null");
}

}  // namespace
}  // namespace ferrum
