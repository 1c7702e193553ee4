// Request bodies of real clients, as they were recorded, for /v1/responses and /v1/messages.
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "server/recorded_requests.h"
#include "server/served.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Reply;
using test::Served;

// Images, and what is not in the store.
bool may_be_refused(const std::string& field) {
  static const std::regex kFields(
      R"(previous_response_id|input\[\d+\]\.id|(input|messages)\[\d+\]\.content\[\d+\]\.type)");
  return std::regex_match(field, kFields);
}

void expect_answered(const Reply& reply, const std::string& path, const json& body) {
  if (path.ends_with("/count_tokens")) {
    EXPECT_TRUE(reply.json().contains("input_tokens")) << reply.body;
    return;
  }
  const bool anthropic = path.starts_with("/v1/messages");
  if (body.value("stream", false)) {
    const std::vector<std::string> events = reply.events();
    ASSERT_GT(events.size(), 3u) << reply.body;
    EXPECT_EQ(json::parse(events.front())["type"], anthropic ? "message_start" : "response.created");
    EXPECT_EQ(json::parse(events.back())["type"], anthropic ? "message_stop" : "response.completed");
  } else {
    EXPECT_EQ(anthropic ? reply.json()["type"] : reply.json()["object"], anthropic ? "message" : "response");
  }
}

void expect_refused(const Reply& reply, const std::string& path) {
  EXPECT_TRUE(reply.status == 400 || reply.status == 404) << reply.status;
  const json error = reply.json()["error"];
  if (path.starts_with("/v1/messages"))
    EXPECT_EQ(reply.json()["type"], "error");
  else
    EXPECT_TRUE(may_be_refused(error["param"])) << reply.body;
  if (reply.status == 404) return;
  std::istringstream refusals(
      std::regex_replace(error["message"].get<std::string>(), std::regex("; "), "\n"));
  for (std::string refusal; std::getline(refusals, refusal);)
    EXPECT_TRUE(may_be_refused(refusal.substr(0, refusal.find(": ")))) << refusal;
}

TEST(ClientBodies, AreAnsweredOrRefusedForWhatIsNotSupported) {
  FERRUM_NEEDS_SHARED("clients");
  Served served;
  served.engine->set_context(1 << 20);
  int answered = 0;
  for (const auto& [file, path, body] : test::recorded_requests()) {
    if (!path.starts_with("/v1/responses") && !path.starts_with("/v1/messages")) continue;
    SCOPED_TRACE(file.string());
    const Reply reply = served.client().post(path, body.dump());
    if (reply.status == 200) {
      ++answered;
      expect_answered(reply, path.substr(0, path.find('?')), body);
    } else {
      expect_refused(reply, path);
    }
  }
  EXPECT_GE(answered, 50);
}

}  // namespace
}  // namespace ferrum
