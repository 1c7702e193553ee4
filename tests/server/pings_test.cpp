// What keeps a stream alive before its first token and between tokens.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <atomic>

#include "server/chat_requests.h"
#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::http;
using test::kAsk;
using test::kAskStream;
using test::kChat;
using test::Served;

TEST(Http, HeadersComeBeforeTheFirstTokenAndPingsWhileNothingElseDoes) {
  std::atomic<int64_t> seconds = 0;
  server::ServerOptions options;
  options.clock = [&] { return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)); };
  Served served(test::nothing, options);
  Client client = served.client();
  client.send(http("POST", kChat, kAskStream));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_CONTAINS(head, "200 OK");
  EXPECT_CONTAINS(head, "text/event-stream");
  const auto answer = served.engine->answer();
  const std::string ping = "8\r\n: ping\n\n\r\n";
  for (int i = 0; i < 3; ++i) {
    seconds += 10;
    EXPECT_EQ(client.read_until(ping), ping);
  }
  for (const char* text : {"a", "b"}) {
    seconds += 9;  // not long enough for another
    answer->tell(TextEvent{0, text});
    EXPECT_EQ(client.read_until(fmt::format("\"{}\"", text)).find(": ping"), std::string::npos);
    client.read_until("\n\n\r\n");
  }
  seconds += 10;
  EXPECT_EQ(client.read_until(ping), ping);
  answer->tell(ErrorEvent{"deadline", "too late"});
  EXPECT_CONTAINS(client.read_until("0\r\n\r\n"), "too late");
}

// A whole response cannot be begun before its status is known.
TEST(Http, WholeResponsesAreNotPinged) {
  std::atomic<int64_t> seconds = 0;
  server::ServerOptions options;
  options.clock = [&] { return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)); };
  Served served(test::nothing, options);
  Client client = served.client();
  client.send(http("POST", kChat, kAsk));
  const auto answer = served.engine->answer();
  seconds += 100;
  EXPECT_FALSE(answer->is_cancelled_within(150ms));
  answer->tell(ErrorEvent{"deadline", "too late"});
  EXPECT_EQ(client.read().status, 503);
}

}  // namespace
}  // namespace ferrum
