// What an answer says, whole or put together from its stream as clients do it: the same for both.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/client.h"

namespace ferrum::test {

// The events of a stream; that of [DONE] aside.
std::vector<nlohmann::json> stream_events(const Reply& reply);

// {"content", "reasoning_content", "tool_calls", "finish_reason"} of a choice of a chat.
nlohmann::json streamed_chat(const std::vector<nlohmann::json>& chunks, int choice = 0);
// The blocks of a message of Anthropic's API; of a call's input, what is whole.
nlohmann::json streamed_blocks(const std::vector<nlohmann::json>& events);

// Of the API at `path`: without ids, times, and what only one of both has.
nlohmann::json whole_answer(const std::string& path, const Reply& reply);
nlohmann::json streamed_answer(const std::string& path, const Reply& reply);

}  // namespace ferrum::test
