// Keys, origins and hosts.
#include <gtest/gtest.h>

#include <fmt/format.h>

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
        "Authorization: Basic one\r\n", "Authorization: Bearerone\r\n", "X-Api-Key: two\r\n",
        "X-Api-Key: oneone\r\n", "Api-Key: two\r\n", "Api-Key:\r\n", "Cookie: api-key=one\r\n"}) {
    const Reply reply = client.ask("POST", kChat, kAsk, header);
    EXPECT_EQ(reply.status, 401) << header;
    EXPECT_EQ(reply.headers.at("www-authenticate"), "Bearer");
    EXPECT_EQ(reply.json()["error"]["code"], "invalid_api_key");
  }
  EXPECT_EQ(served.engine->asked(), 0u);
  for (const char* header :
       {"Authorization: Bearer one\r\n", "Authorization: bearer another\r\n",
        "Authorization: BEARER   one  \r\n", "authorization:Bearer \t one\r\n", "X-Api-Key: another\r\n",
        "Api-Key: one\r\n", "Authorization: Bearer none\r\nX-Api-Key: one\r\n"})
    EXPECT_EQ(client.ask("POST", kChat, kAsk, header).status, 200) << header;
}

// No spelling of a path leads to what it names without a key.
TEST(AccessFaults, B35_EverySpellingOfAPathRequiresAKey) {
  server::ServerOptions options;
  options.api_keys = {"one"};
  options.show_running = true;
  Served served(test::hello, options);
  for (const std::string path : {"/metrics", "/props", "/v1/models", "/running", "/v1/models/fake"}) {
    const std::string rest = path.substr(1);
    for (const std::string& target : {path,
                                      "/" + path,
                                      "//" + path,
                                      "/./" + rest,
                                      path + "/",
                                      path + "//",
                                      path + "?x=/health",
                                      path + "%20",
                                      path + "#/health",
                                      "/%2f" + rest,
                                      "/%2F" + rest,
                                      "/health/.." + path,
                                      "/health/%2e%2e" + path,
                                      "/health/%2E." + path,
                                      "/health%2f..%2f" + rest,
                                      "/assets/../" + rest,
                                      "/assets/..%2f" + rest,
                                      "/assets/%2e%2e%2f" + rest,
                                      "/v1" + path,
                                      "/v1/v1" + path,
                                      "/../../" + rest,
                                      "/licences.txt/.." + path,
                                      "http://localhost" + path,
                                      "HTTP://localhost/" + path,
                                      "https://localhost/health/.." + path,
                                      "http://localhost?" + path + "/../health/x"}) {
      for (const std::string_view method : {"GET", "HEAD", "POST", "DELETE", "BREW"})
        for (const std::string_view version : {"1.1", "1.0"}) {
          Client client = served.client();
          client.send(fmt::format("{} {} HTTP/{}\r\nHost: localhost\r\nConnection: close\r\n\r\n", method,
                                  target, version));
          const Reply reply = client.read(method == "HEAD" ? Client::Body::kNone : Client::Body::kSent);
          // The last target is the page's.
          const bool page = target.starts_with("http://localhost?") && (method == "GET" || method == "HEAD");
          EXPECT_TRUE(page ? reply.status == 200 : reply.status == 401 || reply.status == 400)
              << method << " " << target << " " << reply.status;
        }
      Client client = served.client();  // a preflight has no key, and says nothing
      client.send(fmt::format("OPTIONS {} HTTP/1.1\r\nHost: localhost\r\n\r\n", target));
      EXPECT_EQ(client.read().body, "") << target;
    }
    EXPECT_EQ(served.client().ask("GET", path, {}, "X-Api-Key: one\r\n").status, 200) << path;
  }
  for (const char* upper : {"/METRICS", "/V1/models", "/HEALTH", "/Health"})
    EXPECT_EQ(served.client().ask("GET", upper).status, 401) << upper;
  EXPECT_EQ(served.engine->asked(), 0u);
}

// Every request would match it.
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

TEST(Access, AReverseProxysHostsMayBeAllowed) {
  server::ServerOptions options;
  options.allowed_hosts = {"LLM.example", "other.example:8443", "10.0.0.1"};
  {
    Served served(test::hello, options);
    for (const char* host : {"llm.example", "LLM.Example.", "llm.example:443", "other.example", "10.0.0.1:80",
                             "localhost", "127.0.0.1"})
      EXPECT_EQ(status_with_host(served, host), 200) << host;
    for (const char* host : {"llm.example.evil.example", "evil.example", "a.llm.example", "10.0.0.2"})
      EXPECT_EQ(status_with_host(served, host), 403) << host;
    // Its page is the server's own.
    Client client = served.client();
    for (const auto& [host, origin, status] : {std::tuple("llm.example", "https://llm.example", 200),
                                               {"llm.example:443", "https://llm.example", 200},
                                               {"llm.example", "https://evil.example", 403},
                                               {"llm.example", "https://llm.example:8443", 403}}) {
      client.send(fmt::format("GET /health HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\n\r\n", host, origin));
      EXPECT_EQ(client.read().status, status) << host << " " << origin;
    }
  }
  options.http.host = "0.0.0.0";  // where names are allowed, no others are; addresses cannot be rebound
  Served served(test::hello, options);
  EXPECT_EQ(status_with_host(served, "llm.example"), 200);
  EXPECT_EQ(status_with_host(served, "192.168.1.1:8000"), 200);
  EXPECT_EQ(status_with_host(served, "[fe80::1]:8000"), 200);
  EXPECT_EQ(status_with_host(served, "evil.example"), 403);
  for (const char* name : {"", "https://llm.example", "llm.example/path", "*.example", "a b"}) {
    options.allowed_hosts = {name};
    options.http.port = 0;
    EXPECT_THROW(server::Server{options}, Error) << name;
  }
}

TEST(Access, AnyHostMayBeAllowed) {
  server::ServerOptions options;
  options.allowed_hosts = {"*"};
  Served served(test::hello, options);
  EXPECT_EQ(status_with_host(served, "any.example"), 200);
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
  EXPECT_EQ(preflight.headers.at("access-control-allow-headers"), "authorization,content-type");
  EXPECT_FALSE(preflight.headers.contains("access-control-allow-private-network"));
  EXPECT_FALSE(preflight.headers.contains("access-control-allow-credentials"));
  const Reply others =
      client.ask("OPTIONS", kChat, {},
                 origin +
                     "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n"
                     "Access-Control-Request-Headers: x-stainless-os, x-made-up\r\n");
  EXPECT_EQ(others.headers.at("access-control-allow-headers"), "x-stainless-os, x-made-up");
  EXPECT_EQ(others.headers.at("access-control-allow-private-network"), "true");
  const Reply strange = client.ask("OPTIONS", kChat, {}, origin + "Access-Control-Request-Headers: <a>\r\n");
  EXPECT_EQ(strange.headers.at("access-control-allow-headers"), "Authorization, Content-Type");
  const std::string body(kAsk);
  for (const std::string& asked : {body, body.substr(0, 1) + "\"stream\":true," + body.substr(1)}) {
    const Reply reply = client.ask("POST", kChat, asked, origin + "Authorization: Bearer key\r\n");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "https://a.example");
    EXPECT_EQ(reply.headers.at("vary"), "Origin");
    EXPECT_NE(reply.headers.at("access-control-expose-headers").find("X-Request-Id"), std::string::npos);
    EXPECT_FALSE(reply.headers.contains("access-control-allow-credentials"));
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
  for (const char* origin : {"null", "https://evil.example"}) {
    const Reply reply = served.client().ask("GET", "/health", {}, fmt::format("Origin: {}\r\n", origin));
    EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "*");  // which excludes credentials
    EXPECT_FALSE(reply.headers.contains("access-control-allow-credentials"));
  }
}

}  // namespace
}  // namespace ferrum
