// The smallest chats that tests of connections send.
#pragma once
#include <string>
#include <string_view>

namespace ferrum::test {

inline constexpr std::string_view kAsk = R"({"model":"fake","messages":[{"role":"user","content":"hi"}]})";
inline constexpr std::string_view kAskStream =
    R"({"model":"fake","stream":true,"messages":[{"role":"user","content":"hi"}]})";
inline const std::string kChat = "/v1/chat/completions";

}  // namespace ferrum::test
