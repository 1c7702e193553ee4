#include "http_client/private_networks.h"

#include <gtest/gtest.h>

namespace ferrum::http_client {
namespace {

TEST(PrivateNetworks, N16_AddressesOfSpecialPurposes) {
  const auto is_private = [](const char* text) {
    return http_client::is_private(boost::asio::ip::make_address(text));
  };
  for (const char* address : {"0.0.0.0",
                              "10.255.255.255",
                              "100.64.0.1",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.168.1.1",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:10.0.0.1",
                              "::ffff:127.0.0.1",
                              "::10.0.0.1",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b:1::1",
                              "2002:0a00:0001::1",
                              "fc00::1",
                              "fdff::1",
                              "fe80::1",
                              "fec0::1",
                              "ff02::1"})
    EXPECT_TRUE(is_private(address)) << address;
  for (const char* address :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
        "198.18.0.1", "223.255.255.255", "2001:4860:4860::8888", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
        "2002:0101:0101::1"})
    EXPECT_FALSE(is_private(address)) << address;
}

}  // namespace
}  // namespace ferrum::http_client
