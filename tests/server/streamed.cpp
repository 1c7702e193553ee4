#include "server/streamed.h"

#include <gtest/gtest.h>

#include "server/anthropic/part_of_json.h"

namespace ferrum::test {
namespace {

using nlohmann::json;

bool is_chat(const std::string& path) { return path.ends_with("completions"); }
bool is_message(const std::string& path) { return path.ends_with("messages"); }

// Without what is another's in every answer.
json without_ids(json value) {
  if (value.is_object())
    for (const char* name :
         {"id", "call_id", "created", "created_at", "completed_at", "index", "encrypted_content"})
      value.erase(name);
  for (json& inner : value)
    if (inner.is_structured()) inner = without_ids(inner);
  return value;
}

void append(json& to, const json& delta, const char* name) {
  if (!delta.contains(name) || !delta[name].is_string()) return;
  if (to.is_null()) to = json::object();
  to[name] = to.value(name, "") + delta[name].get<std::string>();
}

// The texts that the deltas of a response's item make.
std::string text_of(const json& item) {
  for (const char* name : {"arguments", "input"})
    if (item.contains(name)) return item[name];
  std::string text;
  for (const json& part : item.value("content", json::array())) text += part.value("text", "");
  return text;
}

}  // namespace

std::vector<json> stream_events(const Reply& reply) {
  std::vector<json> events;
  for (const std::string& event : reply.events())
    if (event != "[DONE]") events.push_back(json::parse(event));
  return events;
}

json streamed_chat(const std::vector<json>& chunks, int choice) {
  json message = {{"content", ""}, {"reasoning_content", ""}, {"tool_calls", json::array()}};
  for (const json& chunk : chunks)
    for (const json& part : chunk["choices"]) {
      if (part["index"] != choice) continue;
      for (const char* name : {"content", "reasoning_content"}) append(message, part["delta"], name);
      if (part["delta"].contains("function_call")) {
        json& call = message["function_call"];
        for (const char* name : {"name", "arguments"}) append(call, part["delta"]["function_call"], name);
      }
      for (const json& delta : part["delta"].value("tool_calls", json::array())) {
        const auto index = delta["index"].get<size_t>();
        EXPECT_LE(index, message["tool_calls"].size()) << "contiguous";
        if (index == message["tool_calls"].size()) {
          message["tool_calls"].push_back(delta);
          continue;
        }
        EXPECT_FALSE(delta.contains("id"));
        json& call = message["tool_calls"][index];
        if (delta.contains("custom")) append(call["custom"], delta["custom"], "input");
        if (delta.contains("function")) append(call["function"], delta["function"], "arguments");
      }
      if (!part["finish_reason"].is_null()) message["finish_reason"] = part["finish_reason"];
    }
  return message;
}

json streamed_blocks(const std::vector<json>& events) {
  json blocks = json::array();
  std::string input;
  for (const json& event : events) {
    if (event["type"] == "content_block_start") {
      EXPECT_EQ(event["index"], blocks.size());
      blocks.push_back(event["content_block"]);
      input.clear();
    } else if (event["type"] == "content_block_delta") {
      EXPECT_EQ(event["index"], blocks.size() - 1);
      for (const char* name : {"text", "thinking"}) append(blocks.back(), event["delta"], name);
      input += event["delta"].value("partial_json", "");
    } else if (event["type"] == "content_block_stop" && blocks.back()["type"] == "tool_use") {
      blocks.back()["input"] = server::anthropic::part_of_json(input).object;
    }
  }
  return blocks;
}

json whole_answer(const std::string& path, const Reply& reply) {
  const json answer = reply.json();
  if (is_message(path))
    return without_ids({{"content", answer["content"]}, {"stop_reason", answer["stop_reason"]}});
  if (!is_chat(path)) return without_ids({{"status", answer["status"]}, {"output", answer["output"]}});
  json messages = json::array();
  for (const json& choice : answer["choices"]) {
    json message = {{"content", ""}, {"reasoning_content", ""}, {"tool_calls", json::array()}};
    for (const char* name : {"content", "reasoning_content"}) append(message, choice["message"], name);
    for (const char* name : {"tool_calls", "function_call"})
      if (choice["message"].contains(name)) message[name] = choice["message"][name];
    message["finish_reason"] = choice["finish_reason"];
    messages.push_back(std::move(message));
  }
  return without_ids(messages);
}

json streamed_answer(const std::string& path, const Reply& reply) {
  const std::vector<json> events = stream_events(reply);
  if (is_chat(path)) {
    int choices = 1;
    for (const json& chunk : events)
      for (const json& part : chunk["choices"]) choices = std::max(choices, part["index"].get<int>() + 1);
    json messages = json::array();
    for (int choice = 0; choice < choices; ++choice) messages.push_back(streamed_chat(events, choice));
    return without_ids(messages);
  }
  if (is_message(path)) {
    json reason;
    for (const json& event : events)
      if (event["type"] == "message_delta") reason = event["delta"]["stop_reason"];
    return without_ids({{"content", streamed_blocks(events)}, {"stop_reason", reason}});
  }
  std::vector<std::string> texts;
  for (const json& event : events) {
    if (event["type"] == "response.output_item.added") texts.emplace_back();
    if (event.contains("delta") && event["delta"].is_string())
      texts.at(event["output_index"].get<size_t>()) += event["delta"].get<std::string>();
  }
  const json response = events.empty() ? json() : events.back().value("response", json());
  const json output = response.value("output", json::array());
  EXPECT_EQ(texts.size(), output.size());
  for (size_t i = 0; i < std::min(texts.size(), output.size()); ++i) EXPECT_EQ(texts[i], text_of(output[i]));
  return without_ids({{"status", response.value("status", "")}, {"output", output}});
}

}  // namespace ferrum::test
