// Calls of tools that ran elsewhere, in the histories that clients send back.
#include <gtest/gtest.h>

#include "server/served.h"
#include "support/contains.h"

namespace ferrum {
namespace {

using nlohmann::json;
using test::Client;
using test::Reply;
using test::Served;

const std::string kResponses = "/v1/responses";
const std::string kMessages = "/v1/messages";

class OtherServersTools : public testing::Test {
 protected:
  OtherServersTools() { served_.engine->set_context(1 << 20); }
  Reply post_items(json items) {
    const json first = {{"role", "user"}, {"content", "hi"}};
    items.insert(items.begin(), first);
    items.push_back({{"role", "assistant"}, {"content", "found"}});
    items.push_back({{"role", "user"}, {"content", "and?"}});
    return client_.post(kResponses, json{{"model", "fake"}, {"input", items}}.dump());
  }
  // What stands between the first and the last two turns of the prompt.
  std::string shown(const json& items) {
    const Reply reply = post_items(items);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? between("user: hi\n", "assistant: found\nuser: and?\n") : "";
  }
  std::string shown_blocks(const json& blocks) {
    json turns = {{{"role", "user"}, {"content", "hi"}},
                  {{"role", "assistant"}, {"content", blocks}},
                  {{"role", "user"}, {"content", "and?"}}};
    const Reply reply =
        client_.post(kMessages, json{{"model", "fake"}, {"max_tokens", 9}, {"messages", turns}}.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? between("user: hi\n", "user: and?\n") : "";
  }
  void expect_refused(const json& item, const std::string& param) {
    const Reply reply = post_items({item});
    EXPECT_EQ(reply.status, 400) << item;
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
  }

 private:
  std::string between(const std::string& begin, const std::string& end) {
    const std::string text =
        served_.engine->prompt_text(served_.engine->answer(served_.engine->asked() - 1)->request);
    EXPECT_TRUE(text.starts_with(begin) && text.ends_with(end)) << text;
    return text.substr(begin.size(), text.size() - begin.size() - end.size());
  }

 protected:
  Served served_;
  Client client_ = served_.client();
};

std::string called(const std::string& id, const std::string& name, const std::string& arguments) {
  return "assistant: \n[{\"id\":\"" + id + R"(","type":"function","function":{"name":")" + name +
         R"(","arguments":)" + json(arguments).dump() + "}}]\n";
}

TEST_F(OtherServersTools, WhatSaysNothingIsNamedAsIgnored) {
  const json items = json::parse(R"([
      {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
      {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"], "results": null},
      {"type": "mcp_list_tools", "id": "m_1", "server_label": "s", "tools": []}])");
  EXPECT_EQ(shown(items), "");
  EXPECT_EQ(post_items(items).headers.at("x-ferrum-ignored"), "input[1].type, input[2].type, input[3].type");
}

TEST_F(OtherServersTools, CallsAndWhatTheyFoundAreShown) {
  EXPECT_EQ(shown(json::parse(R"([{"type": "mcp_call", "id": "m1", "server_label": "s", "name": "roll",
                "arguments": "{\"sides\":6}", "output": "4", "error": null}])")),
            called("m1", "roll", R"({"sides":6})") + "tool roll: 4\n");
  EXPECT_EQ(shown(json::parse(R"([{"type": "mcp_call", "id": "m1", "server_label": "s", "name": "roll",
                "arguments": "{}", "output": null, "error": "no dice"}])")),
            called("m1", "roll", "{}") + "tool roll: Error: no dice\n");
  EXPECT_EQ(
      shown(json::parse(R"([{"type": "code_interpreter_call", "id": "c1", "container_id": "x", "code": "1+1",
                "status": "completed", "outputs": [{"type": "logs", "logs": "2"}, {"type": "image", "url": "u"}]}])")),
      called("c1", "code_interpreter", R"({"code":"1+1"})") +
          "tool code_interpreter: 2\n(an image, which is not shown here)\n");
  EXPECT_EQ(
      shown(json::parse(R"([{"type": "code_interpreter_call", "id": "c1", "code": "x", "outputs": null}])")),
      called("c1", "code_interpreter", R"({"code":"x"})") + "tool code_interpreter: \n");
  EXPECT_EQ(shown(json::parse(R"([{"type": "file_search_call", "id": "f1", "queries": ["q"], "results":
                [{"filename": "a.txt", "text": "A", "score": 1}, {"text": "B"}]}])")),
            called("f1", "file_search", R"({"queries":["q"]})") + "tool file_search: a.txt:\nA\n\nB\n");
  EXPECT_EQ(shown(json::parse(R"([{"type": "image_generation_call", "id": "i1", "result": "iVBORw0KGgo=",
                "revised_prompt": "a cat", "status": "completed"}])")),
            called("i1", "image_generation", R"({"prompt":"a cat"})") +
                "tool image_generation: The user got the image, which is not shown here.\n");
}

TEST_F(OtherServersTools, WhatAClientDidIsShown) {
  EXPECT_EQ(
      shown(json::parse(R"([{"type": "local_shell_call", "id": "l1", "call_id": "c1", "status": "completed",
                "action": {"type": "exec", "command": ["ls"], "env": {}}},
                {"type": "local_shell_call_output", "id": "c1", "output": "a.txt"}])")),
      called("c1", "local_shell", R"({"command":["ls"],"env":{},"type":"exec"})") +
          "tool local_shell: a.txt\n");
  EXPECT_EQ(shown(json::parse(R"([{"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls"]}},
                {"type": "shell_call_output", "call_id": "c1", "output": [{"stdout": "a"}]}])")),
            called("c1", "shell", R"({"commands":["ls"]})") + R"(tool shell: [{"stdout":"a"}])" + "\n");
  EXPECT_EQ(
      shown(json::parse(R"([{"type": "apply_patch_call", "call_id": "c1",
                "operation": {"type": "delete_file", "path": "a"}},
                {"type": "apply_patch_call_output", "call_id": "c1", "status": "failed"}])")),
      called("c1", "apply_patch", R"({"path":"a","type":"delete_file"})") + "tool apply_patch: failed\n");
  EXPECT_EQ(
      shown(json::parse(R"([{"type": "computer_call", "call_id": "c1", "actions": [{"type": "wait"}]}])")),
      called("c1", "computer", R"({"actions":[{"type":"wait"}]})"));
  expect_refused(json::parse(R"({"type": "computer_call_output", "call_id": "c1",
                     "output": {"type": "computer_screenshot", "image_url": "u"}})"),
                 "input[1].output");
}

TEST_F(OtherServersTools, ACallThatNeededLeaveIsShownOnce) {
  const json asked = json::parse(
      R"({"type": "mcp_approval_request", "id": "a1", "server_label": "s", "name": "roll", "arguments": "{}"})");
  const json allowed =
      json::parse(R"({"type": "mcp_approval_response", "approval_request_id": "a1", "approve": true})");
  const json done =
      json::parse(R"({"type": "mcp_call", "id": "m1", "approval_request_id": "a1", "name": "roll",
                                    "arguments": "{}", "output": "4"})");
  EXPECT_EQ(shown({asked, allowed, done}), called("a1", "roll", "{}") + "tool roll: 4\n");
  EXPECT_EQ(shown(json::array({done})), called("a1", "roll", "{}") + "tool roll: 4\n");
  json refused = allowed;
  refused["approve"] = false;
  refused["reason"] = "too late";
  EXPECT_EQ(shown({asked, refused}),
            called("a1", "roll", "{}") + "tool roll: Error: the user did not allow this call: too late\n");
  expect_refused(allowed, "input[1].approve");
}

TEST_F(OtherServersTools, MistakesAreNamed) {
  expect_refused({{"type", "mcp_call"}, {"id", "x"}}, "input[1].name");
  expect_refused({{"type", "shell_call"}, {"id", "x"}}, "input[1].action");
  expect_refused({{"type", "compaction"}, {"encrypted_content", "x"}}, "input[1].type");
}

TEST_F(OtherServersTools, AnItemOfTwoTurnsMayBeReferredTo) {
  const Reply first =
      post_items(json::parse(R"([{"type": "mcp_call", "id": "m7", "name": "roll", "output": "4"}])"));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(shown(json::parse(R"([{"type": "item_reference", "id": "m7"}])")),
            called("m7", "roll", "") + "tool roll: 4\n");
}

TEST_F(OtherServersTools, BlocksOfAnthropicsAreCallsAndResults) {
  EXPECT_EQ(shown_blocks(json::parse(R"([{"type": "text", "text": "I look."},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content":
                  [{"type": "web_search_result", "title": "T", "url": "u", "encrypted_content": "x"}]},
                {"type": "text", "text": "found"}])")),
            R"(assistant: I look.
[{"id":"s1","type":"function","function":{"name":"web_search","arguments":"{\"query\":\"q\"}"}}]
tool web_search: T
u

assistant: found
)");
  EXPECT_EQ(shown_blocks(json::parse(
                R"([{"type": "mcp_tool_use", "id": "s1", "server_name": "s", "name": "f", "input": {}},
                {"type": "mcp_tool_result", "tool_use_id": "s1", "is_error": true, "content": [{"type": "text", "text": "no"}]}])")),
            called("s1", "f", "{}") + "tool f: Error: no\n");
  EXPECT_EQ(shown_blocks(json::parse(
                R"([{"type": "server_tool_use", "id": "s1", "name": "code_execution", "input": {}},
                {"type": "code_execution_tool_result", "tool_use_id": "s1", "content":
                 {"type": "code_execution_result", "stdout": "4", "encrypted_x": "y"}}])")),
            called("s1", "code_execution", "{}") +
                R"(tool code_execution: {"stdout":"4","type":"code_execution_result"})" + "\n");
}

}  // namespace
}  // namespace ferrum
