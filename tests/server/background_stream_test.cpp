// Background responses that are streamed: clients may leave and come back.
#include <gtest/gtest.h>

#include "server/http/request_target.h"
#include "server/openai/event_log.h"
#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::http;
using test::Reply;
using test::Served;

const std::string kResponses = "/v1/responses";
const std::string kAsked = R"({"model": "fake", "input": "hi", "background": true, "stream": true})";

// The events of a stream, whose numbers must follow each other.
std::vector<json> events_of(const Reply& reply, int first) {
  std::vector<json> events;
  for (const std::string& event : reply.events()) {
    events.push_back(json::parse(event));
    EXPECT_EQ(events.back()["sequence_number"], first++);
  }
  return events;
}

std::vector<std::string> types_of(const std::vector<json>& events) {
  std::vector<std::string> types;
  for (const json& event : events) types.push_back(event["type"]);
  return types;
}

const std::vector<std::string> kWhole = {"response.created",
                                         "response.queued",
                                         "response.in_progress",
                                         "response.output_item.added",
                                         "response.content_part.added",
                                         "response.output_text.delta",
                                         "response.output_text.delta",
                                         "response.output_text.done",
                                         "response.content_part.done",
                                         "response.output_item.done",
                                         "response.completed"};

TEST(BackgroundStream, HasAllEventsAndIsReplayed) {
  Served served;
  Client client = served.client();
  const auto events = events_of(client.post(kResponses, kAsked), 0);
  EXPECT_EQ(types_of(events), kWhole);
  EXPECT_EQ(events[0]["response"]["status"], "queued");
  const json response = events.back()["response"];
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["background"], true);
  const std::string path = kResponses + "/" + std::string(response["id"]);
  EXPECT_EQ(client.ask("GET", path).json(), response);
  EXPECT_EQ(events_of(client.ask("GET", path + "?stream=true"), 0), events);
  const auto rest = events_of(client.ask("GET", path + "?stream=true&starting_after=5"), 6);
  EXPECT_EQ(rest, std::vector<json>(events.begin() + 6, events.end()));
  EXPECT_TRUE(client.ask("GET", path + "?stream=true&starting_after=1000").events().empty());
}

TEST(BackgroundStream, GoesOnWithoutItsClient) {
  Served served(test::nothing);
  std::string id;
  {
    Client leaves = served.client();
    leaves.send(http("POST", kResponses, kAsked));
    const std::string head = leaves.read_until("response.queued\"}");
    const size_t at = head.find("resp_");
    id = head.substr(at, head.find('"', at) - at);
  }
  const auto answer = served.engine->answer(0);
  Client back = served.client();
  back.send(http("GET", kResponses + "/" + id + "?stream=true&starting_after=1"));
  answer->tell(TextEvent{0, "Hel"});
  EXPECT_CONTAINS(back.read_until("\"Hel\""), "response.in_progress");
  answer->tell(TextEvent{0, "lo"});
  answer->tell(test::finish());
  EXPECT_CONTAINS(back.read_until("response.completed\"}"), "\"lo\"") << "events come as they are made";
  EXPECT_FALSE(answer->cancelled());
}

TEST(BackgroundStream, EndsWithItsResponse) {
  Served served(test::nothing);
  Client client = served.client();
  const auto started = [&] {
    Client stream = served.client();
    stream.send(http("POST", kResponses, kAsked));
    const std::string head = stream.read_until("response.queued\"}");
    const size_t at = head.find("resp_");
    return std::pair(std::move(stream), kResponses + "/" + head.substr(at, head.find('"', at) - at));
  };
  auto [cancelled, path] = started();
  EXPECT_EQ(client.ask("POST", path + "/cancel").json()["status"], "cancelled");
  EXPECT_CONTAINS(cancelled.read_until("response.incomplete\"}"), "\"status\":\"cancelled\"");
  EXPECT_TRUE(served.engine->answer(0)->is_cancelled_within(std::chrono::seconds(20)));

  auto [deleted, other] = started();
  EXPECT_EQ(client.ask("DELETE", other).status, 200);
  deleted.read_until("0\r\n\r\n");
  EXPECT_EQ(client.ask("GET", other + "?stream=true").status, 404);

  auto [failed, third] = started();
  served.engine->answer(2)->tell(ErrorEvent{"not_finite", "the model gave NaN"});
  EXPECT_CONTAINS(failed.read_until("response.failed\"}"), "the model gave NaN");
  EXPECT_EQ(client.ask("GET", third).json()["status"], "failed");
}

TEST(BackgroundStream, MistakesAreNamed) {
  Served served;
  Client client = served.client();
  const json plain = client.post(kResponses, R"({"model": "fake", "input": "hi"})").json();
  const std::string path = kResponses + "/" + std::string(plain["id"]);
  const auto refusal = [&](const std::string& query) {
    const Reply reply = client.ask("GET", path + query);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return std::string(reply.json()["error"]["param"]);
  };
  EXPECT_EQ(client.ask("GET", path + "?stream=false").json(), plain);
  EXPECT_EQ(refusal("?stream=true"), "stream") << "it was not created so";
  EXPECT_EQ(refusal("?stream=maybe"), "stream");
  EXPECT_EQ(refusal("?starting_after=3"), "starting_after");
  const json streamed = json::parse(client.post(kResponses, kAsked).events()[0]);
  for (const char* after : {"-1", "x", "", "99999999999999999999"}) {
    const Reply reply = client.ask("GET", kResponses + "/" + std::string(streamed["response"]["id"]) +
                                              "?stream=true&starting_after=" + after);
    EXPECT_EQ(reply.status, 400) << after;
    EXPECT_EQ(reply.json()["error"]["param"], "starting_after");
  }
}

TEST(EventLog, EveryReaderGetsEveryEvent) {
  const auto log = std::make_shared<server::openai::EventLog>();
  const auto first = log->follow(0);
  const auto second = log->follow(1);
  EXPECT_EQ(first->poll(), std::nullopt);
  int woken = 0;
  first->subscribe([&] { ++woken; });
  log->append("data: a\n\ndata: b\n\n");
  EXPECT_EQ(woken, 1);
  const auto text_of = [](const std::optional<Event>& event) {
    return std::get<TextEvent>(event.value()).text;
  };
  EXPECT_EQ(text_of(first->poll()), "data: a\n\ndata: b\n\n");
  EXPECT_EQ(text_of(second->next()), "data: b\n\n");
  EXPECT_FALSE(first->over());
  log->close();
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(std::holds_alternative<FinishEvent>(first->poll().value()));
  EXPECT_TRUE(first->over());
  EXPECT_TRUE(std::holds_alternative<FinishEvent>(second->next().value()));
  EXPECT_EQ(second->next(), std::nullopt);
  EXPECT_GE(log->bytes(), 18u);
}

TEST(RequestTarget, QueriesHaveValues) {
  using server::query_value;
  EXPECT_EQ(query_value("a=1&b=x%20y&a=2&c&=z", "a"), "1");
  EXPECT_EQ(query_value("a=1&b=x%20y&a=2&c&=z", "b"), "x y");
  EXPECT_EQ(query_value("a=1&b=x%20y&a=2&c&=z", "c"), "");
  EXPECT_EQ(query_value("a=1&b", "d"), std::nullopt);
  EXPECT_EQ(query_value("", "a"), std::nullopt);
}

}  // namespace
}  // namespace ferrum
