// ferrum launch, with programs in the agents' place that print their arguments and environment.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/agents.h"
#include "support/contains.h"
#include "support/files.h"
#include "support/process.h"

namespace ferrum {
namespace {

using test::Terminal;

class Launch : public testing::Test {
 protected:
  Launch() {
    const char* const path = std::getenv("PATH");
    path_ = path == nullptr ? "" : path;
    setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1);
  }
  ~Launch() override { setenv("PATH", path_.c_str(), 1); }

  // A program that goes by an agent's name.
  void install(const std::string& name, const std::string& script) {
    const std::filesystem::path file = folder_.write(name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  test::Finished launch(const std::string& agent, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> all = {"launch", agent, "--replay", answers_, "--"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return test::ferrum(all);
  }
  // Every line that begins with `name=`, without that.
  static std::string value(const std::string& text, const std::string& name) {
    const size_t at = text.find("\n" + name + "=");
    if (at == std::string::npos) return "(none)";
    const size_t begin = at + name.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  test::TemporaryFolder folder_;
  std::string path_;
  const std::string answers_ = folder_.write("answers.jsonl", "\"Hello from the file.\"\n").string();
};

constexpr const char* kTell = "echo; env; printf 'arg=%s\\n' \"$@\"\n";

TEST_F(Launch, ClaudeCodeIsToldByVariables) {
  install("claude", kTell);
  setenv("ANTHROPIC_API_KEY", "of-the-user", 1);
  const test::Finished told = launch("claude", {"-p", "two words"});
  unsetenv("ANTHROPIC_API_KEY");
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_TRUE(value(told.out, "ANTHROPIC_BASE_URL").starts_with("http://127.0.0.1:")) << told.out;
  EXPECT_EQ(value(told.out, "ANTHROPIC_MODEL"), "answers");
  EXPECT_EQ(value(told.out, "ANTHROPIC_DEFAULT_HAIKU_MODEL"), "answers");
  EXPECT_EQ(value(told.out, "ANTHROPIC_API_KEY"), "(none)");
  EXPECT_CONTAINS(value(told.out, "NO_PROXY"), "127.0.0.1");
  EXPECT_CONTAINS(told.out, "arg=-p\narg=two words\n");
}

TEST_F(Launch, CodexIsToldByArguments) {
  install("codex", kTell);
  const test::Finished told = launch("codex", {"exec", "Hi"});
  EXPECT_CONTAINS(told.out, "arg=model_provider=\"ferrum\"\n");
  EXPECT_CONTAINS(told.out, "arg=model=\"answers\"\n");
  EXPECT_CONTAINS(told.out, "arg=model_providers.ferrum.base_url=\"http://127.0.0.1:");
  EXPECT_CONTAINS(told.out, "arg=model_context_window=1048576\n");
  EXPECT_CONTAINS(told.out, "arg=exec\narg=Hi\n");
}

TEST_F(Launch, OpenCodeIsToldByAConfiguration) {
  install("opencode", kTell);
  const test::Finished told = launch("opencode");
  const auto config = nlohmann::json::parse(value(told.out, "OPENCODE_CONFIG_CONTENT"), nullptr, false);
  ASSERT_TRUE(config.is_object()) << told.out;
  EXPECT_EQ(config.at("model"), "ferrum/answers");
  const nlohmann::json provider = config.at("provider").at("ferrum");
  EXPECT_TRUE(provider.at("options").at("baseURL").get<std::string>().ends_with("/v1")) << provider;
  EXPECT_EQ(provider.at("models").at("answers").at("limit").at("context"), 1048576);
}

TEST_F(Launch, QwenCodeIsToldByVariablesAndArguments) {
  install("qwen", kTell);
  const test::Finished told = launch("qwen");
  EXPECT_TRUE(value(told.out, "OPENAI_BASE_URL").ends_with("/v1")) << told.out;
  EXPECT_EQ(value(told.out, "OPENAI_MODEL"), "answers");
  EXPECT_CONTAINS(told.out, "arg=--auth-type\narg=openai\n");
}

TEST_F(Launch, TheAgentReachesTheServerAndItsExitCodeIsKept) {
  install(
      "qwen",
      "curl -s --max-time 20 \"$OPENAI_BASE_URL/chat/completions\" -H 'Content-Type: application/json' "
      "-d '{\"model\": \"answers\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}'\nexit 7\n");
  if (std::system("curl --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "there is no curl";
  const test::Finished told = launch("qwen");
  EXPECT_CONTAINS(told.out, "Hello from the file.");
  EXPECT_EQ(told.exit_code, 7);
}

TEST_F(Launch, SignalsEndTheAgentWhichMayStillAct) {
  install("claude", "trap 'echo going; exit 3' TERM\necho ready\nwhile :; do read -r line; done\n");
  Terminal running({"launch", "claude", "--replay", answers_});
  running.expect("ready");
  running.send(SIGTERM);
  running.expect("going");
  EXPECT_EQ(running.wait(), 3);
}

TEST_F(Launch, CtrlCIsTheAgents) {
  install("claude", "trap 'echo stopped' INT\necho ready\nread -r line; read -r line\nexit 5\n");
  Terminal running({"launch", "claude", "--replay", answers_});
  running.expect("ready");
  running.type("\x03");
  running.expect("stopped");
  running.type("a\nb\n");
  EXPECT_EQ(running.wait(), 5);
}

TEST_F(Launch, AServerThatRunsIsUsed) {
  install("claude", kTell);
  Terminal server({"serve", "--replay", answers_, "--port", "0"});
  server.expect("listening at ");
  const std::string url = server.expect(";");
  const std::string address = url.substr(0, url.size() - 1);
  const test::Finished told = test::ferrum({"launch", "claude", "--server", address, "--", "-p", "x"});
  EXPECT_EQ(value(told.out, "ANTHROPIC_BASE_URL"), address) << told.err;
  EXPECT_EQ(value(told.out, "ANTHROPIC_MODEL"), "answers");
  EXPECT_CONTAINS(told.out, "arg=-p\narg=x\n");
  const test::Finished none = test::ferrum({"launch", "claude", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_CONTAINS(none.err, "127.0.0.1:1");
}

TEST_F(Launch, SaysWhatIsMissing) {
  setenv("PATH", folder_.path().c_str(), 1);
  const test::Finished missing = test::ferrum({"launch", "codex", "model.gguf"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_CONTAINS(missing.err, "Codex is not installed");
  EXPECT_CONTAINS(missing.err, "npm install -g @openai/codex");
  install("codex", kTell);
  EXPECT_CONTAINS(test::ferrum({"launch", "codex"}).err, "MODEL is missing");
  EXPECT_CONTAINS(test::ferrum({"launch", "codex", "no-such.gguf"}).err, "no-such.gguf");
  EXPECT_CONTAINS(test::ferrum({"launch", "emacs"}).err, "claude");
}

// Names with quotation marks and slashes reach the agents unchanged.
TEST(Agents, NamesAreQuotedAsEachFormatDemands) {
  const cli::AgentServer server = {.url = "http://h:1", .model = "a/b \"c\"", .key = "k"};
  const auto codex = cli::agent_named("codex").call(server).arguments;
  EXPECT_NE(std::find(codex.begin(), codex.end(), R"(model="a/b \"c\"")"), codex.end());
  const auto opencode = cli::agent_named("opencode").call(server).environment;
  const auto config = nlohmann::json::parse(opencode.at("OPENCODE_CONFIG_CONTENT"));
  EXPECT_EQ(config.at("model"), "ferrum/a/b \"c\"");
  EXPECT_FALSE(config.at("provider").at("ferrum").at("models").at(server.model).contains("limit"));
}

}  // namespace
}  // namespace ferrum
