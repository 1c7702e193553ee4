// Keys, origins and hosts.
#include "server/access.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "server/api/api_error.h"

namespace ferrum::server {
namespace {

HttpRequest with(const std::string& header, const std::string& value) {
  HttpRequest request;
  request.headers[header] = value;
  return request;
}

template <class Check>
int status_of(const Check& check) {
  try {
    check();
    return 200;
  } catch (const ApiError& e) {
    return e.status();
  }
}

TEST(AccessFaults, OnLoopbackOnlyThisMachineIsAsked) {
  const Access access({.keys = {}, .origins = {}, .loopback = true});
  const auto status = [&](const char* host) {
    return status_of([&] { access.check_origin(with("host", host)); });
  };
  for (const char* host :
       {"localhost:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000", "LOCALHOST", "a.localhost"})
    EXPECT_EQ(status(host), 200) << host;
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example:8000", "127.evil.example", "localhost.evil.example"})
    EXPECT_EQ(status(host), 403) << host;
}

TEST(AccessFaults, KeysAreComparedWhole) {
  const Access access({.keys = {"one", "another"}, .origins = {}, .loopback = false});
  const auto status = [&](const char* header, const char* value) {
    return status_of([&] { access.check_key(with(header, value)); });
  };
  EXPECT_EQ(status("authorization", "Bearer one"), 200);
  EXPECT_EQ(status("x-api-key", "another"), 200);
  for (const char* wrong : {"", "Bearer ", "Bearer on", "Bearer onee", "Bearer oneone", "one", "Basic one"})
    EXPECT_EQ(status("authorization", wrong), 401) << wrong;
  EXPECT_THROW(Access({.keys = {"one", ""}, .origins = {}, .loopback = false}), Error)
      << "everybody has that";
}

TEST(AccessFaults, PagesOfOtherOriginsMayNotCall) {
  const Access access({.keys = {}, .origins = {"https://a.example"}, .loopback = false});
  EXPECT_EQ(status_of([&] { access.check_origin(with("origin", "https://a.example")); }), 200);
  EXPECT_EQ(status_of([&] { access.check_origin(with("origin", "https://b.example")); }), 403);
  EXPECT_FALSE(access.cors_headers(with("origin", "https://a.example")).empty());
  EXPECT_TRUE(access.cors_headers(with("origin", "https://b.example")).empty());
}

}  // namespace
}  // namespace ferrum::server
