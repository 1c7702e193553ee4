// The smallest requests that tests send, and where to.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ferrum::test {

inline constexpr std::string_view kAsk = R"({"model":"fake","messages":[{"role":"user","content":"hi"}]})";
inline constexpr std::string_view kAskStream =
    R"({"model":"fake","stream":true,"messages":[{"role":"user","content":"hi"}]})";
inline const std::string kChat = "/v1/chat/completions";
inline const std::string kText = "/v1/completions";
inline const std::string kMessages = "/v1/messages";
inline const std::string kResponses = "/v1/responses";

// A request with these turns; `more` is added.
inline nlohmann::json conversation(const std::string& path, const nlohmann::json& turns,
                                   const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json body = {{"model", "fake"}, {path == kResponses ? "input" : "messages", turns}};
  if (path == kMessages) body["max_tokens"] = 9;
  body.update(more);
  return body;
}

// The same with one short question.
inline nlohmann::json body_of(const std::string& path,
                              const nlohmann::json& more = nlohmann::json::object()) {
  const nlohmann::json turn = {{"role", "user"}, {"content", "hi"}};
  return conversation(path, path == kResponses ? nlohmann::json("hi") : nlohmann::json::array({turn}), more);
}

}  // namespace ferrum::test
