// Which hosts a hub may redirect to. Addresses are given as numbers, so nothing is looked up or asked.
#include <gtest/gtest.h>

#include "hub/hub_api.h"
#include "support/errors.h"

namespace ferrum::hub {
namespace {

using http_client::parse_endpoint;

TEST(HubFaults, N16_OnlyAHubWithAPrivateAddressRedirectsToOne) {
  const RetryPolicy policy;
  Settings settings{.endpoint = parse_endpoint("http://1.1.1.1"), .cache = {}};
  {
    Servers servers(settings, policy);
    EXPECT_NO_THROW(servers.at(settings.endpoint));
    EXPECT_NO_THROW(servers.at(parse_endpoint("http://8.8.8.8")));
    for (const char* host : {"127.0.0.1:9", "169.254.169.254", "[::1]", "0.0.0.0", "10.1.2.3", "localhost"})
      test::expect_error(ErrorCode::kIo, {"http://1.1.1.1 redirects to", host, "private address"},
                         [&] { servers.at(parse_endpoint(std::string("http://") + host)); });
  }
  settings.proxies.http = "http://127.0.0.1:3128";
  {
    Servers servers(settings, policy);
    EXPECT_NO_THROW(servers.at(parse_endpoint("http://names.are.looked.up.by.the.proxy")))
        << "the proxy's address is the one that matters";
    test::expect_error(ErrorCode::kIo, {"169.254.169.254"},
                       [&] { servers.at(parse_endpoint("http://169.254.169.254")); });
  }
  settings = {.endpoint = parse_endpoint("http://127.0.0.1:1"), .cache = {}};
  Servers servers(settings, policy);
  EXPECT_NO_THROW(servers.at(parse_endpoint("http://127.0.0.2:2")));
  EXPECT_NO_THROW(servers.at(parse_endpoint("http://1.1.1.1")));
}

}  // namespace
}  // namespace ferrum::hub
