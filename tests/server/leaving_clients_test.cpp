// Clients that leave, or close only their sending side.
#include <gtest/gtest.h>

#include "server/chat_requests.h"
#include "server/served.h"

namespace ferrum {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::http;
using test::kAsk;
using test::kAskStream;
using test::kChat;
using test::Reply;
using test::Served;

TEST(HttpFaults, B49_DisconnectsCancel) {
  Served served(test::nothing);
  size_t index = 0;
  const auto asking = [&](std::string_view body) {
    Client client = served.client();
    client.send(http("POST", kChat, body));
    return std::pair(std::move(client), served.engine->answer(index++));
  };
  for (const std::string_view body : {kAsk, kAskStream}) {
    {  // while it waits
      auto [client, answer] = asking(body);
      EXPECT_FALSE(answer->cancelled());
      client.close();
      EXPECT_TRUE(answer->is_cancelled_within(2s));
    }
    {  // in the middle of its answer, whose events come faster than anybody would look for its client
      auto [client, answer] = asking(body);
      answer->tell(TextEvent{0, "a"});
      if (body == kAskStream) client.read_until("\"a\"");
      client.close();
      bool cancelled = false;
      for (int i = 0; i < 2000 && !cancelled; ++i) {
        answer->tell(TextEvent{0, "b"});
        cancelled = answer->is_cancelled_within(2ms);
      }
      EXPECT_TRUE(cancelled);
    }
    {  // with another request sent and not read yet
      auto [client, answer] = asking(body);
      client.send(http("GET", "/health"));
      EXPECT_FALSE(answer->is_cancelled_within(10ms));
      client.close();
      EXPECT_TRUE(answer->is_cancelled_within(2s));
    }
  }
}

// A client that has sent its request may close its sending side, and still gets the whole response.
TEST(HttpFaults, B49_AHalfClosedClientGetsItsWholeResponse) {
  Served served(test::nothing);
  size_t index = 0;
  for (const std::string_view body : {kAsk, kAskStream}) {
    Client client = served.client();
    client.send(http("POST", kChat, body));
    client.close_sending();
    const auto answer = served.engine->answer(index++);
    EXPECT_FALSE(
        answer->is_cancelled_within(200ms));  // meanwhile the server probes whether the client is there
    for (const Event& event : test::hello(answer->request)) answer->tell(event);
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, 200);
    if (body == kAsk)
      EXPECT_EQ(reply.json()["choices"][0]["message"]["content"], "Hello");
    else
      EXPECT_EQ(reply.events().back(), "[DONE]");
    EXPECT_TRUE(client.is_closed());
  }
  Client client = served.client();  // an error keeps its status, whatever the server has probed
  client.send(http("POST", kChat, kAsk));
  client.close_sending();
  const auto answer = served.engine->answer(index);
  EXPECT_FALSE(answer->is_cancelled_within(200ms));
  answer->tell(ErrorEvent{"deadline", "too late"});
  EXPECT_EQ(client.read().status, 503);
}

TEST(HttpFaults, B49_SoonAfterTheClientLeft) {
  Served served(test::nothing);
  Client client = served.client();
  client.send(http("POST", kChat, kAsk));
  const auto answer = served.engine->answer();
  client.close();
  EXPECT_LT(test::milliseconds_of([&] { answer->is_cancelled_within(5s); }), 1s);
}

}  // namespace
}  // namespace ferrum
