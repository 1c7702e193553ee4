// Recorded answers over HTTP and on the command line, and what they mean in a template's format.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/client.h"
#include "support/contains.h"
#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Client;
using test::Terminal;

class ReplayCommand : public testing::Test {
 private:
  test::TemporaryFolder folder_;

 protected:
  std::string file(const std::string& name, std::string_view bytes) {
    return folder_.write(name, bytes).string();
  }
  const std::string answers_ = file("answers.jsonl", R"({"when": "weather", "answer": "It is ☀️."}
"<think>\nHm.\n</think>\n\nYes."
)");
  const std::string template_ = file("template.jinja", R"({%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif -%}
{%- if tools %}<tool_call>{% endif -%})");
};

TEST_F(ReplayCommand, RunPrintsTheAnswer) {
  const test::Finished run =
      test::ferrum({"run", "--replay", answers_, "--template", template_, "--prompt", "How is the weather?"});
  EXPECT_EQ(run.out, "It is ☀️.\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(ReplayCommand, ServeAnswersOverHttp) {
  Terminal server(
      {"serve", "--replay", answers_, "--template", template_, "--replay-pieces", "1", "--port", "0"});
  server.expect("listening at http://127.0.0.1:");
  Client client(std::stoi(server.expect(";")));
  const nlohmann::json body = {
      {"model", "answers"}, {"temperature", 2}, {"messages", {{{"role", "user"}, {"content", "Is it?"}}}}};
  const nlohmann::json reply = client.post("/v1/chat/completions", body.dump()).json();
  const nlohmann::json message = reply.at("choices").at(0).at("message");
  EXPECT_EQ(message.at("content"), "Yes.") << reply;
  EXPECT_EQ(message.at("reasoning_content"), "Hm.");
  EXPECT_EQ(reply.at("usage").at("completion_tokens_details").at("reasoning_tokens"), 7);
}

TEST_F(ReplayCommand, OptionsThatContradictAreRefused) {
  const test::Finished both = test::ferrum({"run", "--replay", answers_, "model.gguf"});
  EXPECT_CONTAINS(both.err, "MODEL excludes --replay");
  const test::Finished alone = test::ferrum({"run", "--template", template_, "--prompt", "x"});
  EXPECT_CONTAINS(alone.err, "--template requires --replay");
  const test::Finished empty = test::ferrum({"run", "--replay", file("empty", ""), "--prompt", "x"});
  EXPECT_CONTAINS(empty.err, "has no recorded answer");
  EXPECT_EQ(empty.exit_code, 1);
}

// ferrum parse-tools ----

class ParseTools : public ReplayCommand {
 protected:
  const std::string tools_ = file("tools.json", R"([{"type": "function", "function": {"name": "f",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}])");
  const std::string answer_ =
      "Hm.</think>\nFirst\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  nlohmann::json parsed(std::vector<std::string> options, const std::string& answer) {
    options.insert(options.begin(), {"parse-tools", "--template", template_});
    const test::Finished result = test::ferrum(options, answer);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out, nullptr, false);
  }
};

TEST_F(ParseTools, PrintsContentReasoningAndCalls) {
  const nlohmann::json whole = parsed({"--tools", tools_, "--phase", "reasoning"}, answer_);
  EXPECT_EQ(whole.at("format"), "hermes");
  EXPECT_EQ(whole.at("reasoning"), "Hm.");
  EXPECT_EQ(whole.at("content"), "First");
  ASSERT_EQ(whole.at("calls").size(), 1u);
  EXPECT_EQ(whole.at("calls")[0].at("name"), "f");
  EXPECT_EQ(whole.at("calls")[0].at("arguments"), "{\"a\": 1}");
  EXPECT_EQ(whole.at("calls")[0].at("complete"), true);
}

TEST_F(ParseTools, WithoutToolsCallsAreContent) {
  EXPECT_EQ(parsed({}, "<tool_call>").at("content"), "<tool_call>");
}

TEST_F(ParseTools, PiecesAndSplitsMeanTheSame) {
  const nlohmann::json split = parsed({"--tools", tools_, "--every-split"}, answer_);
  EXPECT_EQ(split.at("splits"), "all " + std::to_string(answer_.size() + 1) + " give the same");
  const nlohmann::json in_pieces = parsed({"--tools", tools_, "--stream", "3"}, answer_);
  EXPECT_EQ(in_pieces.at("content"), split.at("content"));
  EXPECT_EQ(in_pieces.at("calls")[0].at("arguments"), split.at("calls")[0].at("arguments"));
}

TEST_F(ParseTools, KwargsReachTheTemplate) {
  const std::string thinking = file("thinking.jinja", "{% if think %}<think>{% endif %}{# <tool_call> #}");
  const auto reasoning = [&](const std::string& kwargs) {
    return nlohmann::json::parse(
        test::ferrum({"parse-tools", "--template", thinking, "--kwargs", kwargs}, "a</think>b").out);
  };
  EXPECT_EQ(reasoning(R"({"think": true})").at("reasoning"), "a");
  EXPECT_EQ(reasoning(R"({"think": false})").at("reasoning"), "");
}

// Such as Functionary's, which reads `functions` and a day unasked.
TEST_F(ParseTools, TemplatesGetTheVariablesThatTheyRead) {
  const std::string strict =
      file("strict.jinja",
           "{{ bos_token + datetime }}{{ functions + '' }}{{ messages[0].content }} tool_calls {{ '>>>' }}");
  const auto answer = nlohmann::json::parse(
      test::ferrum({"parse-tools", "--template", strict, "--tools", tools_}, "all\nHi.>>>f\n{\"a\": 1}").out);
  EXPECT_EQ(answer.at("format"), "functionary-v3.2");
  EXPECT_EQ(answer.at("content"), "Hi.");
  EXPECT_EQ(answer.at("calls").size(), 1u);
}

TEST_F(ParseTools, BadInputIsNamed) {
  EXPECT_CONTAINS(test::ferrum({"parse-tools"}).err, "--template is required");
  const auto error = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = {"parse-tools", "--template", template_};
    options.insert(options.end(), more.begin(), more.end());
    const test::Finished result = test::ferrum(options, "x");
    EXPECT_NE(result.exit_code, 0);
    return result.err;
  };
  EXPECT_CONTAINS(error({"--kwargs", "[]"}), "--kwargs: must be a JSON object");
  EXPECT_CONTAINS(error({"--tools", file("t", "{}")}), "must be an array");
  EXPECT_CONTAINS(error({"--stream", "0"}), "must be a whole number of 1 or more");
}

}  // namespace
}  // namespace ferrum
