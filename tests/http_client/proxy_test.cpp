#include "http_client/proxy.h"

#include <gtest/gtest.h>

#include <map>

#include "support/errors.h"

namespace ferrum::http_client {
namespace {

std::optional<Proxy> proxy_of(const char* url, const std::map<std::string, std::string>& environment) {
  const ProxySettings settings = proxy_settings([&](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
  return proxy_for(parse_endpoint(url), settings);
}

TEST(Proxy, IsWhatTheEnvironmentSays) {
  EXPECT_FALSE(proxy_of("https://hub.example.com", {}));
  EXPECT_FALSE(proxy_of("https://hub.example.com", {{"http_proxy", "http://p:1"}}));
  EXPECT_FALSE(proxy_of("http://hub.example.com", {{"HTTP_PROXY", "http://p:1"}}));
  const auto proxy = proxy_of("https://hub.example.com", {{"HTTPS_PROXY", "http://p.example.com:3128"}});
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->host, "p.example.com");
  EXPECT_EQ(proxy->port, "3128");
  EXPECT_EQ(proxy->authorization, "");
  const auto known = proxy_of("http://a", {{"all_proxy", "me:s@cret@p:8080"}});
  ASSERT_TRUE(known);
  EXPECT_EQ(known->host, "p");
  EXPECT_EQ(known->authorization, "Basic bWU6c0BjcmV0");
}

TEST(Proxy, SomeHostsBypassTheProxy) {
  const auto asks = [](const char* url, const char* none) {
    return proxy_of(url, {{"http_proxy", "p:1"}, {"no_proxy", none}}).has_value();
  };
  EXPECT_TRUE(asks("http://hub.example.com", "localhost,127.0.0.1"));
  EXPECT_FALSE(asks("http://localhost:8000", "localhost, 127.0.0.1"));
  EXPECT_FALSE(asks("http://127.0.0.1:8000", "localhost, 127.0.0.1"));
  EXPECT_FALSE(asks("http://Hub.example.com", ".example.com"));
  EXPECT_FALSE(asks("http://example.com", ".example.com"));
  EXPECT_TRUE(asks("http://badexample.com", "example.com"));
  EXPECT_FALSE(asks("http://anything", "*"));
  EXPECT_FALSE(asks("unix:/run/a.sock", ""));
}

TEST(Proxy, OneThatIsNotSpokenToIsNamed) {
  for (const char* bad : {"https://p:1", "socks5://p:1", "http://p:0"})
    test::expect_error(ErrorCode::kBadArgument, {"p"}, [&] { proxy_of("http://a", {{"all_proxy", bad}}); });
}

}  // namespace
}  // namespace ferrum::http_client
