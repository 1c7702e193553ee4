// Addresses and Unix sockets that the server listens at.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "server/chat_requests.h"
#include "server/served.h"
#include "support/contains.h"
#include "support/files.h"

namespace ferrum {
namespace {

using test::Client;
using test::http;
using test::kAsk;
using test::kAskStream;
using test::kChat;
using test::Served;

TEST(HttpFaults, B67_AddressesThatCannotBeListenedAt) {
  const test::TemporaryFolder folder;
  const auto message = [](const std::string& host) -> std::string {
    server::ServerOptions options;
    options.http.host = host;
    options.http.port = 0;
    try {
      server::Server server(options);
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_CONTAINS(message(""), "empty");
  EXPECT_CONTAINS(message("unix:"), "no path");
  const std::string longest =
      (folder.path() / std::string(106 - folder.path().string().size(), 'a')).string();
  EXPECT_EQ(longest.size(), 107u);
  EXPECT_EQ(message("unix:" + longest), "none");
  EXPECT_CONTAINS(message("unix:" + longest + "a"), "107");
  EXPECT_CONTAINS(message("unix:" + (folder.path() / "none" / "socket").string()), "none/socket");
  EXPECT_CONTAINS(message("no.such.host.invalid"), "no.such.host.invalid");
}

// The socket of a server that runs is not taken from it.
TEST(HttpFaults, B67_AUnixSocketInUse) {
  const test::TemporaryFolder folder;
  server::ServerOptions options;
  options.http.host = "unix:" + (folder.path() / "socket").string();
  Served served(test::hello, options);
  EXPECT_THROW(server::Server{options}, Error);
  EXPECT_EQ(Client((folder.path() / "socket").string()).ask("GET", "/health").status, 200);
}

TEST(Http, UnixSocketsServeAndAreRemoved) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() / "socket";
  server::ServerOptions options;
  options.http.host = "unix:" + path;
  {
    Served served(test::hello, options);
    EXPECT_EQ(Client(path).post(kChat, kAskStream).events().back(), "[DONE]");
    EXPECT_EQ(Client(path).post(kChat, kAsk).status, 200);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  folder.write("file", "another's");
  options.http.host = "unix:" + (folder.path() / "file").string();
  EXPECT_ANY_THROW(Served(test::hello, options));
  EXPECT_EQ(test::read_file(folder.path() / "file"), "another's");
}

}  // namespace
}  // namespace ferrum
