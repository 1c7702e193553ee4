// A server that gets a signal to stop while clients are connected.
#include <gtest/gtest.h>

#include <optional>

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
using test::Reply;
using test::Served;

TEST(HttpFaults, B60_DrainingFinishesAnswersAndRefusesNewOnes) {
  Served served(test::nothing);
  Client whole = served.client();
  whole.send(http("POST", kChat, kAsk));
  const auto first = served.engine->answer(0);
  Client stream = served.client();
  stream.send(http("POST", kChat, kAskStream));
  const auto second = served.engine->answer(1);
  Client idle = served.client();
  EXPECT_EQ(idle.ask("GET", "/health").status, 200);
  served.stop(20s);
  const Reply health = idle.ask("GET", "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.json()["status"], "draining");
  EXPECT_TRUE(idle.is_closed());
  while (served.client().ask("GET", "/health").status != 0) std::this_thread::sleep_for(1ms);
  for (const auto& answer : {first, second}) {
    EXPECT_FALSE(answer->cancelled());
    for (const Event& event : test::hello(answer->request)) answer->tell(event);
  }
  EXPECT_EQ(whole.read().status, 200);
  EXPECT_EQ(stream.read().events().back(), "[DONE]");
  served.join();
}

TEST(HttpFaults, B60_AfterTheDeadlineStreamsEndWithAnError) {
  Served served(test::nothing);
  Client whole = served.client();
  whole.send(http("POST", kChat, kAsk));
  const auto first = served.engine->answer(0);
  Client stream = served.client();
  stream.send(http("POST", kChat, kAskStream));
  const auto second = served.engine->answer(1);
  second->tell(TextEvent{0, "a"});
  stream.read_until("\"a\"");
  stream.read_until("\n\n");
  served.stop(0s);
  const Reply reply = whole.read();
  EXPECT_EQ(reply.status, 503);
  EXPECT_CONTAINS(stream.read_until("0\r\n\r\n"), "stopping");
  served.join();
  EXPECT_TRUE(first->is_cancelled_within(1s));
  EXPECT_TRUE(second->is_cancelled_within(1s));
}

TEST(Http, IdleConnectionsDoNotKeepTheServerFromStopping) {
  std::optional<Served> served(std::in_place);
  Client idle = served->client();
  EXPECT_EQ(idle.ask("GET", "/health").status, 200);
  EXPECT_LT(test::milliseconds_of([&] {
              served->stop(20s);
              served->join();
            }),
            5s);
  served.reset();
  EXPECT_TRUE(idle.is_closed());
}

}  // namespace
}  // namespace ferrum
