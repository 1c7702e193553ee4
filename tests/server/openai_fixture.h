// A served fake engine and the smallest requests of OpenAI's API.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/chat_requests.h"
#include "server/served.h"
#include "support/contains.h"

namespace ferrum::test {

inline const std::string kText = "/v1/completions";

inline nlohmann::json chat(const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json body = {{"model", "fake"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body;
}

inline nlohmann::json text(const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json body = {{"model", "fake"}, {"prompt", "Once"}};
  body.update(more);
  return body;
}

class OpenAi : public testing::Test {
 protected:
  // The request that reached the engine.
  Request asked(const std::string& path, const nlohmann::json& body) {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << body << reply.body;
    EXPECT_EQ(served_.engine->asked(), before + 1);
    return served_.engine->answer(before)->request;
  }
  Request asked_chat(const nlohmann::json& more) { return asked(kChat, chat(more)); }
  Request asked_text(const nlohmann::json& more) { return asked(kText, text(more)); }

  // 400 for this field, with its name in the message as well.
  void expect_refused(const std::string& path, const nlohmann::json& body, const std::string& param,
                      const std::string& words = "") {
    const size_t before = served_.engine->asked();
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 400) << body << reply.body;
    const nlohmann::json error = reply.json()["error"];
    EXPECT_EQ(error["param"], param) << body;
    EXPECT_EQ(error["type"], "invalid_request_error");
    const std::string message = error["message"];
    EXPECT_CONTAINS(message, param);
    EXPECT_CONTAINS(message, words);
    EXPECT_EQ(served_.engine->asked(), before);
  }

  std::vector<nlohmann::json> chunks(const std::string& path, const nlohmann::json& body) {
    const Reply reply = client_.post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream; charset=utf-8");
    std::vector<nlohmann::json> all;
    for (const std::string& event : reply.events()) {
      if (event == "[DONE]") continue;
      all.push_back(nlohmann::json::parse(event, nullptr, false));
      EXPECT_FALSE(all.back().is_discarded()) << event;
    }
    EXPECT_EQ(reply.events().back(), "[DONE]");
    return all;
  }

  Served served_;
  Client client_ = served_.client();
};

}  // namespace ferrum::test
