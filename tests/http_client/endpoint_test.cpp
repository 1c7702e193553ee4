#include "http_client/endpoint.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace ferrum::http_client {
namespace {

using Transport = Endpoint::Transport;

TEST(Endpoint, WhatIsServedThere) {
  const struct {
    const char* text;
    Transport transport;
    const char* host;
    const char* port;
    const char* target;
    const char* url;
  } cases[] = {
      {"http://localhost:8000", Transport::kTcp, "localhost", "8000", "/v1/models",
       "http://localhost:8000/v1/models"},
      {"http://localhost:8000/", Transport::kTcp, "localhost", "8000", "/v1/models",
       "http://localhost:8000/v1/models"},
      {"http://localhost:8000/v1", Transport::kTcp, "localhost", "8000", "/v1/models",
       "http://localhost:8000/v1/models"},
      {"http://localhost/v1/", Transport::kTcp, "localhost", "80", "/v1/models",
       "http://localhost/v1/models"},
      {"localhost:8000", Transport::kTcp, "localhost", "8000", "/v1/models",
       "http://localhost:8000/v1/models"},
      {"https://example.com", Transport::kTls, "example.com", "443", "/v1/models",
       "https://example.com/v1/models"},
      {"https://example.com/api/openai", Transport::kTls, "example.com", "443", "/api/openai/models",
       "https://example.com/api/openai/models"},
      {"http://[::1]:9/x", Transport::kTcp, "::1", "9", "/x/models", "http://[::1]:9/x/models"},
      {"http://[::1]", Transport::kTcp, "::1", "80", "/v1/models", "http://[::1]/v1/models"},
      {"unix:/run/a.sock", Transport::kUnix, "/run/a.sock", "", "/v1/models", "unix:/run/a.sock:/v1/models"},
      {"http+unix:/run/a.sock", Transport::kUnix, "/run/a.sock", "", "/v1/models",
       "unix:/run/a.sock:/v1/models"},
  };
  for (const auto& c : cases) {
    const Endpoint e = parse_endpoint(c.text, "/v1");
    EXPECT_EQ(e.transport, c.transport) << c.text;
    EXPECT_EQ(e.host, c.host) << c.text;
    EXPECT_EQ(e.port, c.port) << c.text;
    EXPECT_EQ(e.target("/models"), c.target) << c.text;
    EXPECT_EQ(e.url("/models"), c.url) << c.text;
  }
  EXPECT_EQ(parse_endpoint("http://[::1]:9/x").authority, "[::1]:9");
}

TEST(Endpoint, WhatIsNoAddressIsNamed) {
  const struct {
    const char* text;
    const char* word;
  } cases[] = {{"", "host is missing"},
               {"http://", "host is missing"},
               {"http://:80", "host is missing"},
               {"ftp://example.com", "http://"},
               {"http://a b", "space"},
               {"http://a\r\nX: y", "control character"},
               {"http://a?x=1", "query"},
               {"http://me@a", "user name"},
               {"http://a:", "port"},
               {"http://a:0", "port"},
               {"http://a:70000", "port"},
               {"http://a:8x", "port"},
               {"http://::1:80", "brackets"},
               {"http://[::1", "bracket is missing"},
               {"http://[::1]x:80", "after the bracket"},
               {"unix:", "Unix socket"}};
  for (const auto& c : cases)
    test::expect_error(ErrorCode::kBadArgument, {c.word}, [&] { parse_endpoint(c.text); });
}

TEST(Endpoint, AUrlIsAServerAndWhatIsThere) {
  const struct {
    const char* text;
    Transport transport;
    const char* authority;
    const char* target;
  } cases[] = {{"https://cdn.example.com/a/b?X-Sign=1%2F2&y", Transport::kTls, "cdn.example.com",
                "/a/b?X-Sign=1%2F2&y"},
               {"http://localhost:8000", Transport::kTcp, "localhost:8000", "/"},
               {"http://[::1]:9?q#part", Transport::kTcp, "[::1]:9", "/?q"},
               {"https://a/b#c/d", Transport::kTls, "a", "/b"}};
  for (const auto& c : cases) {
    const Url url = parse_url(c.text);
    EXPECT_EQ(url.endpoint.transport, c.transport) << c.text;
    EXPECT_EQ(url.endpoint.authority, c.authority) << c.text;
    EXPECT_EQ(url.endpoint.target(url.target), c.target) << c.text;
  }
  for (const char* bad : {"", "/a", "ftp://a/b", "https:///b", "https://a/b c", "https://me@a/b",
                          "http://a/\r\n", "unix:///run/a.sock", "http+unix:///run/a.sock"})
    test::expect_error(ErrorCode::kBadArgument, {"is not a server address"}, [&] { parse_url(bad); });
}

}  // namespace
}  // namespace ferrum::http_client
